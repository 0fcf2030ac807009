#pragma once
#include <cstddef>
#include <vector>

namespace starling::kernels {

/// A cloud of n points in d dimensions, one coordinate after the other, each padded with zeros to a multiple
/// of the widest vector: what the pairwise kernels stream over.
template <class T>
struct Cloud {
  std::ptrdiff_t n = 0, d = 0, stride = 0;
  std::vector<T> coordinates;  ///< coordinate k of point j at k * stride + j

  const T* coordinate(std::ptrdiff_t k) const { return coordinates.data() + k * stride; }
};

/// Packs row-major `points` (n, d), minus `centre` (d). Distances do not change; the cancellation in weighted
/// means of clouds far from the origin goes.
template <class T>
Cloud<T> pack(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre);

/// The mean of row-major `points` (n, d), accumulated in double; zeros when n = 0.
template <class T>
std::vector<T> mean_point(const T* points, std::ptrdiff_t n, std::ptrdiff_t d);

}  // namespace starling::kernels
