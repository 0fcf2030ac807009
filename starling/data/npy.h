#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::data {

/// A numeric array from a file. Values are widened to double: exact for floats and for integers up to 2^53.
struct Array {
  std::string type;                 ///< numpy's descr: "<f4", "|u1", ...
  std::vector<std::int64_t> shape;  ///< empty for a scalar
  std::vector<double> values;       ///< row-major (last subscript fastest), whatever the order in the file

  bool is_integer() const;  ///< a signed or unsigned integer type; bool counts
};

/// Reads numpy's .npy format, versions 1 to 3 (NEP 1): floats f2 f4 f8, integers i1 i2 i4 i8 and u1 u2 u4 u8
/// in either byte order, bool; C and Fortran order; at most 32 subscripts, as numpy allows. Throws
/// Error{input} that opens with `name` for anything else, for a truncated file and for bytes after the data.
Array parse_npy(std::string_view bytes, std::string_view name);

/// The bytes of a version 1 .npy file of shape (rows, columns), type "<f8" or "<f4", in C order.
std::string encode_npy(const base::PointsRef<double>& points);
std::string encode_npy(const base::PointsRef<float>& points);
/// The same of any shape, "<f8". Error{usage} when the shape and the number of values disagree.
std::string encode_npy(std::span<const std::int64_t> shape, std::span<const double> values);

}  // namespace starling::data
