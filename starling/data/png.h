#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// Eight-bit pixels, rows from the top; 1 channel (grey) or 3 (RGB).
struct Image {
  int width = 0, height = 0, channels = 1;
  std::vector<std::uint8_t> pixels;
};

/// Any PNG up to 16,384 pixels a side, as grey or RGB. Error{input} that starts with `name`.
Image decode_png(std::string_view bytes, std::string_view name);
std::string encode_png(const Image& image);

}  // namespace starling::data
