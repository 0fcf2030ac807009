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

/// The affinity matrix before normalisation: its rows, and its columns [x; negatives; data] as padded blocks
/// around one centre.
template <class T>
struct Columns {
  /// As for double_normalised. `weights` may be null: 1 each.
  Columns(const T* x, std::ptrdiff_t n, const T* others, std::ptrdiff_t m, std::ptrdiff_t negatives,
          std::ptrdiff_t d, const T* weights);

  std::ptrdiff_t n, d;
  bool weighted;           ///< some weight is not 1
  std::vector<T> rows;     ///< x minus the centre, (n, d)
  std::vector<T> squares;  ///< wide clouds: |x_i|^2
  std::vector<ColumnBlock<T>> blocks;
  std::vector<T> weight;  ///< of each column; 0 on the padding

 private:
  void add(const T* points, std::ptrdiff_t count, const T* centre, bool own, int side, const T* weights);
};

/// What a doubly normalised affinity keeps of its rows and columns: O(n + m) numbers. Shifts are distances; a
/// half log is -log(sum) / 2 of the unshifted sum of exponentials.
template <class T>
struct Normalisers {
  Normalisers(std::size_t rows, std::size_t columns)
      : row_shift(rows),
        row_sum(rows),
        row_half_log(rows),
        column_shift(columns),
        column_sum(columns),
        column_half_log(columns) {}
  std::vector<T> row_shift, row_sum, row_half_log;
  std::vector<T> column_shift, column_sum, column_half_log;
};

}  // namespace starling::kernels
