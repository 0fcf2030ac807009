#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "starling/systems/students/network.h"

namespace starling::students {

/// The names of a network's tensors in a file; an empty one is found by suffix and shape.
struct WeightNames {
  std::string w{}, bias{}, a{}, c{};
};

enum class Container { npz, safetensors };

/// How a network lies in a file, so that another one can be written the same way.
struct NetworkLayout {
  Container container = Container::npz;
  WeightNames names{.w = "w", .bias = "bias", .a = "a", .c = "c"};  ///< bias, c empty: the file has none
  bool outgoing_by_output = false;  ///< a lies as (o, n), as PyTorch has it, not (n, o)
  bool one_output = false;          ///< a lies as (n)
  bool single = false;              ///< safetensors: F32, not F64
};

struct NetworkInFile {
  Network network;
  NetworkLayout layout;
};

/// A network from the bytes of a .npz or .safetensors file, told apart by the ending of `name`. Tensors:
///   w (n, d); bias (n), or none, which is zero; a (n, o), (n) for one output, or PyTorch's (o, n); c (o), or
///   none.
/// Without names it looks for w, bias, a, c, then for two matrices NAME.weight with NAME.bias beside them, as
/// in a state dict (0.weight, 0.bias, 2.weight, 2.bias; fc1.weight, ...): the hidden layer is the one whose
/// rows are the other's columns or, where both are, the one with the smaller number in names else alike.
/// Throws Error{input} that opens with `name` for any other ending or dtype, a name that is missing, shapes
/// that do not fit, no neurons, numbers that are not finite, and for a choice that shapes do not settle; it
/// lists the tensors found.
NetworkInFile parse_network(std::string_view bytes, std::string_view name, nets::Activation activation,
                            const WeightNames& names = {});
/// The same of a file; Error{input} when it cannot be read.
NetworkInFile read_network(const std::filesystem::path& path, nets::Activation activation,
                           const WeightNames& names = {});

/// The bytes of a file of that layout. A layout without bias or c gets them when they are not zero, beside
/// the weights: NAME.bias of NAME.weight, else "bias" and "c".
std::string encode_network(const Network& network, NetworkLayout layout);
std::string extension_of(Container container);  ///< ".npz" or ".safetensors"

}  // namespace starling::students
