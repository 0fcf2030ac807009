#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "starling/systems/depth/network.h"

namespace starling::depth {

/// A network of attention heads as a file has it: its weights by HeadShape.
struct HeadNetwork {
  std::string source;  ///< the file's path
  HeadShape shape;
  std::vector<double> weights;
};

/// From the bytes of a .npz or .safetensors file, told apart by the ending of `name`: arrays q, k, v (L, H,
/// head_width, width) and o (L, H, width, head_width), what else it holds is left. Error{input} that opens
/// with `name` for another ending, an array that is missing, not finite or of a shape that does not fit.
HeadNetwork parse_heads(std::string_view bytes, std::string_view name);

/// The network of a file; or of a folder all of its .npz and .safetensors, in the natural order of their
/// names, which must be of one shape. Error{input} as parse_heads, and for a folder without any.
std::vector<HeadNetwork> read_heads(const std::filesystem::path& path);

}  // namespace starling::depth
