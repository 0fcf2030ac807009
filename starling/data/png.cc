#include "starling/data/png.h"

#include <fmt/format.h>
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>
#include <new>

#include "starling/base/error.h"
#include "starling/data/bytes.h"
#include "starling/data/inflate.h"

namespace starling::data {
namespace {

constexpr png_uint_32 longest_side = 32768;
constexpr std::uint64_t most_pixel_bytes = std::uint64_t{1} << 30U;

// All that decoding owns. It lives outside the functions that libpng may leave by longjmp, so that no
// destructor is ever jumped over; those functions hold nothing but plain numbers.
struct Reading {
  explicit Reading(std::string_view from) : left(from) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png == nullptr) throw std::bad_alloc();
    info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto* self = static_cast<Reading*>(png_get_error_ptr(png));
    std::strncpy(self->message.data(), text, self->message.size() - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep to, std::size_t count) {
    auto* self = static_cast<Reading*>(png_get_io_ptr(png));
    if (count > self->left.size()) png_error(png, "truncated");
    std::memcpy(to, self->left.data(), count);
    self->left.remove_prefix(count);
  }

  std::string_view left;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::array<char, 128> message{};
  std::uint64_t packed_row_bytes = 0;  // before widening
  std::uint64_t row_bytes = 0;
  std::vector<png_bytep> rows;
};

// Sizes and transformations; false with reading.message on a damaged file.
bool read_header(Reading& reading) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_set_read_fn(reading.png, &reading, Reading::on_read);
  png_set_user_limits(reading.png, longest_side, longest_side);
  png_set_chunk_cache_max(reading.png, 64);
  png_set_chunk_malloc_max(reading.png, png_alloc_size_t{1} << 23U);
  png_read_info(reading.png, reading.info);
  reading.packed_row_bytes = png_get_rowbytes(reading.png, reading.info);
  png_set_expand(reading.png);    // palettes to RGB, few bits to 8, transparency to a channel
  png_set_scale_16(reading.png);  // 16 bits to 8, rounded
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  reading.row_bytes = png_get_rowbytes(reading.png, reading.info);
  return true;
}

bool read_pixels(Reading& reading) {
  if (setjmp(png_jmpbuf(reading.png)) != 0) return false;
  png_read_image(reading.png, reading.rows.data());
  png_read_end(reading.png, nullptr);
  return true;
}

}  // namespace

Image decode_png(std::string_view bytes, std::string_view name) {
  constexpr std::size_t signature_size = 8;
  if (bytes.size() < signature_size ||
      png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, signature_size) != 0) {
    fail_input(name,
               fmt::format("not a PNG file: opens with {}", in_quotes(bytes.substr(0, signature_size))));
  }
  Reading reading(bytes);
  const auto fail_png = [&](const Reading& failed) {
    fail_input(name, fmt::format("damaged PNG near byte {}: {}", bytes.size() - failed.left.size(),
                                 in_quotes(failed.message.data())));
  };
  if (!read_header(reading)) fail_png(reading);

  Image image;
  image.width = static_cast<int>(png_get_image_width(reading.png, reading.info));
  image.height = static_cast<int>(png_get_image_height(reading.png, reading.info));
  image.channels = png_get_channels(reading.png, reading.info);
  const auto height = static_cast<std::uint64_t>(image.height);
  if (height * reading.row_bytes > most_pixel_bytes) {
    fail_input(name, fmt::format("{} x {} pixels of {} channels; expected at most {} bytes of pixels",
                                 image.width, image.height, image.channels, most_pixel_bytes));
  }
  if (!plausible_expansion(bytes.size(), height * reading.packed_row_bytes)) {
    fail_input(name, fmt::format("a PNG of {} bytes cannot hold {} x {} pixels", bytes.size(), image.width,
                                 image.height));
  }
  image.pixels.resize(height * reading.row_bytes);
  for (std::uint64_t y = 0; y < height; ++y)
    reading.rows.push_back(image.pixels.data() + y * reading.row_bytes);
  if (!read_pixels(reading)) fail_png(reading);
  return image;
}

std::string encode_png(const Image& image) {
  constexpr std::array<png_uint_32, 5> formats = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB,
                                                  PNG_FORMAT_RGBA};
  const std::array<std::int64_t, 3> shape = {image.height, image.width, image.channels};
  const bool fits = image.width > 0 && image.height > 0 && image.channels >= 1 && image.channels <= 4 &&
                    static_cast<png_uint_32>(image.width) <= longest_side &&
                    static_cast<png_uint_32>(image.height) <= longest_side &&
                    element_count(shape, most_pixel_bytes) == image.pixels.size();
  if (!fits) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("encode_png: {} pixel bytes for height, width, channels {}; expected their product, "
                    "1 to 4 channels, 1 to {} pixels a side, at most {} bytes",
                    image.pixels.size(), shape_text(shape), longest_side, most_pixel_bytes));
  }
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = formats[static_cast<std::size_t>(image.channels)];
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string out(size, '\0');
  if (png_image_write_to_memory(&header, out.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    throw base::Error(base::ErrorKind::usage, fmt::format("encode_png: {}", header.message));
  }
  out.resize(size);
  return out;
}

}  // namespace starling::data
