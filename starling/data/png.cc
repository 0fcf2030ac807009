#include "starling/data/png.h"

#include <png.h>

#include "starling/data/bytes.h"

namespace starling::data {

Image decode_png(std::string_view bytes, std::string_view name) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()) == 0) {
    refuse(name, fmt::format("not a readable PNG: {}", header.message));
  }
  constexpr png_uint_32 largest_side = 16384;
  const bool colour = (header.format & PNG_FORMAT_FLAG_COLOR) != 0;
  const bool alpha = (header.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  if (header.width > largest_side || header.height > largest_side) {
    png_image_free(&header);
    refuse(name, fmt::format("{} x {} pixels; expected at most {} a side", header.width, header.height, largest_side));
  }
  header.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image{static_cast<int>(header.width), static_cast<int>(header.height), colour ? 3 : 1, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(header));
  const png_color black{0, 0, 0};  // what shows through transparent pixels
  if (png_image_finish_read(&header, alpha ? &black : nullptr, image.pixels.data(), 0, nullptr) == 0) {
    const std::string message = header.message;
    png_image_free(&header);
    refuse(name, fmt::format("truncated or damaged PNG: {}", message));
  }
  return image;
}

std::string encode_png(const Image& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&header, nullptr, &size, 0, image.pixels.data(), 0, nullptr);
  std::string out(size, '\0');
  if (png_image_write_to_memory(&header, out.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    refuse("PNG", header.message);
  }
  out.resize(size);
  return out;
}

}  // namespace starling::data
