#pragma once
#include <cstddef>

namespace starling::kernels {

/// Matrices of one small shape (rows, columns), contiguous one after another; transposed inside where that is
/// cheaper.
struct SmallShape {
  std::ptrdiff_t rows, columns;
};

}  // namespace starling::kernels
