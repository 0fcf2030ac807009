#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::data {

/// The dictionary that opens a .npy file.
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`: a Python literal with exactly these
/// keys in any order. Throws Error{input} that opens with `name` and gives the column.
NpyHeader parse_npy_header(std::string_view text, std::string_view name);

}  // namespace starling::data
