#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// Pixels of 8 bits, row-major, channels interleaved: shape (height, width, channels).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;  ///< 1 grey, 2 grey and opacity, 3 RGB, 4 RGB and opacity
  std::vector<std::uint8_t> pixels;
};

/// Reads any PNG: palettes become colours, 1 to 4 bits widen to 8, 16 bits are rounded to 8, no gamma is
/// applied. Throws Error{input} that opens with `name`: not a PNG, damaged, truncated, above 32768 pixels a
/// side or 1 GiB in all.
Image decode_png(std::string_view bytes, std::string_view name);

/// The bytes of an 8-bit PNG; equal images give equal bytes. Throws Error{usage} when the sizes do not fit
/// together.
std::string encode_png(const Image& image);

}  // namespace starling::data
