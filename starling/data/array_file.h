#pragma once
#include <map>
#include <string>
#include <string_view>

#include "starling/data/npy.h"

namespace starling::data {

/// Arrays by name, as a file of weights holds them.
struct ArrayFile {
  std::string name;  ///< for messages
  std::map<std::string, Array> arrays;

  const Array* find(const std::string& key) const;  ///< null when it is not there, as an empty key never is
  /// Error{input} that names the array and its first number which is not finite. The key must be there.
  void require_finite(const std::string& key) const;
  std::string listing() const;  ///< "'k' (2, 3), 'q' (2, 3)", cut where it grows long
};

/// Whether parse_arrays knows the ending: .npz or .safetensors.
bool holds_arrays(std::string_view name);

/// Reads the whole of a .npz or .safetensors file, told apart by the ending of `name`; of the latter F32 and
/// F64, types "<f4" and "<f8". Error{input} that opens with `name` for another ending or dtype, else as
/// parse_npz and decode_safetensors.
ArrayFile parse_arrays(std::string_view bytes, std::string_view name);

}  // namespace starling::data
