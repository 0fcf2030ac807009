#pragma once
#include <cstddef>
#include <vector>

#include "starling/kernels/cloud.h"

namespace starling::kernels {

/// A run of columns of the affinity matrix that share a side: the generated points, fixed negatives, or data.
template <class T>
struct ColumnBlock {
  Cloud<T> cloud;
  std::ptrdiff_t offset;  ///< of its first column among all columns, each block padded
  bool own;               ///< the rows themselves: column i and row i are one point
  int side;               ///< 0: pushes away, 1: pulls
};

/// What a doubly normalised affinity keeps of its rows and columns: O(n + m) numbers. Shifts are distances; a
/// half log is -log(sum) / 2 of the unshifted sum of exponentials.
template <class T>
struct Normalisers {
  std::vector<T> row_shift, row_sum, row_half_log;
  std::vector<T> column_shift, column_sum, column_half_log;
};

}  // namespace starling::kernels
