#include "starling/data/png.h"

#include "data/support.h"

namespace starling::data {
namespace {

using namespace std::string_literals;
using test::message_of;

Image pattern(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(i * 37 + i / 5));
  return image;
}

std::string png_error(const std::string& bytes) {
  return message_of([&] { (void)decode_png(bytes, "f.png"); });
}

std::string big(std::uint32_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
          static_cast<char>(value)};
}

std::string chunk(const std::string& body) {
  return big(static_cast<std::uint32_t>(body.size() - 4)) + body + big(crc32_of(body));
}

// A PNG with this header and, as its data, one stored deflate block of these bytes.
std::string png_file(std::uint32_t width, std::uint32_t height, char depth, char colour,
                     const std::string& rows, const std::string& extra = "") {
  std::uint32_t a = 1, b = 0;  // Adler-32
  for (const char byte : rows) {
    a = (a + static_cast<unsigned char>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  const std::string sizes = test::little(rows.size(), 2) + test::little(~rows.size(), 2);
  return "\x89PNG\r\n\x1a\n"s + chunk("IHDR" + big(width) + big(height) + depth + colour + "\0\0\0"s) +
         extra + chunk("IDAT\x78\x01\x01" + sizes + rows + big(b << 16U | a)) + chunk("IEND");
}

TEST(Png, ReadsBackWhatItWroteInEveryNumberOfChannels) {
  for (int channels = 1; channels <= 4; ++channels) {
    const Image image = pattern(7, 5, channels);
    const Image back = decode_png(encode_png(image), "f.png");
    EXPECT_EQ(back.width, 7);
    EXPECT_EQ(back.height, 5);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(Png, WritesEqualImagesAsEqualBytes) {
  EXPECT_EQ(encode_png(pattern(9, 9, 3)), encode_png(pattern(9, 9, 3)));
}

TEST(Png, WidensBitsAndPalettesAndRounds16Bits) {
  EXPECT_EQ(decode_png(png_file(8, 1, 1, 0, "\0\xa5"s), "f").pixels,
            (std::vector<std::uint8_t>{255, 0, 255, 0, 0, 255, 0, 255}));
  EXPECT_EQ(decode_png(png_file(1, 1, 16, 0, "\0\x80\x80"s), "f").pixels, (std::vector<std::uint8_t>{128}));
  const Image colours =
      decode_png(png_file(2, 1, 8, 3, "\0\x01\x00"s, chunk("PLTE\x01\x02\x03\x04\x05\x06")), "f");
  EXPECT_EQ(colours.channels, 3);
  EXPECT_EQ(colours.pixels, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
}

TEST(Png, NamesWhatIsWrong) {
  EXPECT_EQ(png_error("GIF89a"), "f.png: not a PNG file: opens with 'GIF89a'");
  std::string damaged = encode_png(pattern(7, 5, 1));
  damaged[damaged.size() - 20] = static_cast<char>(damaged[damaged.size() - 20] ^ 1);
  EXPECT_CONTAINS(png_error(damaged), "f.png: damaged PNG near byte ");
}

TEST(Png, RefusesHugeAndImplausibleSizes) {
  EXPECT_CONTAINS(png_error(png_file(40000, 1, 8, 0, "\0"s)), "damaged PNG near byte ");
  EXPECT_CONTAINS(png_error(png_file(32768, 32768, 16, 6, "\0"s)),
                  "expected at most 1073741824 bytes of pixels");
  EXPECT_CONTAINS(png_error(png_file(32000, 32000, 8, 0, "\0"s)), "bytes cannot hold 32000 x 32000 pixels");
}

TEST(Png, RefusesToWriteSizesThatDoNotFit) {
  Image image = pattern(3, 3, 1);
  image.pixels.pop_back();
  const auto write = [&] { (void)encode_png(image); };
  EXPECT_CONTAINS(message_of(write, base::ErrorKind::usage),
                  "8 pixel bytes for height, width, channels (3, 3, 1)");
  image = {0, 0, 1, {}};
  EXPECT_CONTAINS(message_of(write, base::ErrorKind::usage), "encode_png: 0 pixel bytes");
  image = {1, 1, 5, std::vector<std::uint8_t>(5)};
  EXPECT_CONTAINS(message_of(write, base::ErrorKind::usage), "1 to 4 channels");
}

TEST(Png, RefusesEveryTruncation) {
  test::expect_every_truncation_is_refused(encode_png(pattern(4, 3, 3)),
                                           [](std::string_view bytes) { (void)decode_png(bytes, "f.png"); });
}

TEST(Png, SurvivesMutations) {
  test::expect_mutations_are_survived(
      {encode_png(pattern(4, 3, 3)), png_file(8, 1, 1, 0, "\0\xa5"s),
       png_file(2, 1, 8, 3, "\0\x01\x00"s, chunk("PLTE\x01\x02\x03\x04\x05\x06"))},
      [](std::string_view bytes) { (void)decode_png(bytes, "f.png"); });
}

}  // namespace
}  // namespace starling::data
