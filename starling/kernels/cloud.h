#pragma once
#include <cstddef>
#include <vector>

namespace starling::kernels {

/// From this dimension on, distances come from a matrix product; below, from differences of coordinates.
inline constexpr std::ptrdiff_t wide_dimension = 16;

/// A cloud of n points in d dimensions in the layout that the pairwise kernels stream over. Narrow clouds lie
/// one coordinate after the other, each padded with zeros to a multiple of the widest vector; wide ones row
/// by row, with their squared norms.
template <class T>
struct Cloud {
  std::ptrdiff_t n = 0, d = 0, stride = 0;  ///< stride: n padded
  std::vector<T> coordinates;               ///< narrow: coordinate k of point j at k * stride + j
  std::vector<T> rows;                      ///< wide: (stride, d), zeros past row n
  std::vector<T> squares;                   ///< wide: |y_j|^2, padded with zeros to stride

  bool wide() const { return d >= wide_dimension; }
  const T* coordinate(std::ptrdiff_t k) const { return coordinates.data() + k * stride; }
};

/// Packs row-major `points` (n, d), minus `centre` (d). Distances do not change; the cancellation in weighted
/// means and matrix products of clouds far from the origin goes.
template <class T>
Cloud<T> pack(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre);

/// Row-major `points` (n, d) minus `centre` (d), followed by zeros up to `padded` rows.
template <class T>
std::vector<T> centred(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre,
                       std::ptrdiff_t padded);

/// |x_i|^2 of row-major `rows` (n, d), followed by zeros up to `padded` values.
template <class T>
std::vector<T> squared_norms(const T* rows, std::ptrdiff_t n, std::ptrdiff_t d, std::ptrdiff_t padded);

/// The mean of row-major `points` (n, d), accumulated in double; zeros when n = 0.
template <class T>
std::vector<T> mean_point(const T* points, std::ptrdiff_t n, std::ptrdiff_t d);

}  // namespace starling::kernels
