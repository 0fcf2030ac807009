#include "starling/kernels/cloud.h"

#include <numeric>

namespace starling::kernels {

template <class T>
std::vector<T> centred(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre,
                       std::ptrdiff_t padded) {
  std::vector<T> rows(static_cast<std::size_t>(padded * d), T(0));
  T* out = rows.data();
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    for (std::ptrdiff_t k = 0; k < d; ++k) *out++ = points[i * d + k] - centre[k];
  }
  return rows;
}

template <class T>
std::vector<T> squared_norms(const T* rows, std::ptrdiff_t n, std::ptrdiff_t d, std::ptrdiff_t padded) {
  std::vector<T> squares(static_cast<std::size_t>(padded), T(0));
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    // Eight sums: one alone would wait for each addition.
    constexpr std::ptrdiff_t lanes = 8;
    double sums[lanes] = {};
    const auto square = [row = rows + i * d](std::ptrdiff_t k) {
      return static_cast<double>(row[k]) * static_cast<double>(row[k]);
    };
    std::ptrdiff_t k = 0;
    for (; k + lanes <= d; k += lanes) {
      for (std::ptrdiff_t l = 0; l < lanes; ++l) sums[l] += square(k + l);
    }
    for (; k < d; ++k) sums[0] += square(k);
    squares[static_cast<std::size_t>(i)] = static_cast<T>(std::accumulate(sums, sums + lanes, 0.0));
  }
  return squares;
}

template <class T>
Cloud<T> pack(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre) {
  constexpr std::ptrdiff_t padding = 16;
  Cloud<T> cloud;
  cloud.n = n;
  cloud.d = d;
  cloud.stride = (n + padding - 1) / padding * padding;
  if (cloud.wide()) {
    cloud.rows = centred(points, n, d, centre, cloud.stride);
    cloud.squares = squared_norms(cloud.rows.data(), n, d, cloud.stride);
    return cloud;
  }
  cloud.coordinates.assign(static_cast<std::size_t>(cloud.stride * d), T(0));
  for (std::ptrdiff_t k = 0; k < d; ++k) {
    T* row = cloud.coordinates.data() + k * cloud.stride;
    for (std::ptrdiff_t j = 0; j < n; ++j) row[j] = points[j * d + k] - centre[k];
  }
  return cloud;
}

template <class T>
std::vector<T> mean_point(const T* points, std::ptrdiff_t n, std::ptrdiff_t d) {
  std::vector<double> sums(static_cast<std::size_t>(d), 0.0);
  for (std::ptrdiff_t j = 0; j < n; ++j) {
    for (std::ptrdiff_t k = 0; k < d; ++k)
      sums[static_cast<std::size_t>(k)] += static_cast<double>(points[j * d + k]);
  }
  std::vector<T> mean(static_cast<std::size_t>(d), T(0));
  if (n == 0) return mean;
  for (std::size_t k = 0; k < mean.size(); ++k) mean[k] = static_cast<T>(sums[k] / static_cast<double>(n));
  return mean;
}

#define STARLING_INSTANTIATE(T)                                                                        \
  template struct Cloud<T>;                                                                            \
  template Cloud<T> pack(const T*, std::ptrdiff_t, std::ptrdiff_t, const T*);                          \
  template std::vector<T> centred(const T*, std::ptrdiff_t, std::ptrdiff_t, const T*, std::ptrdiff_t); \
  template std::vector<T> squared_norms(const T*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);     \
  template std::vector<T> mean_point(const T*, std::ptrdiff_t, std::ptrdiff_t)
STARLING_INSTANTIATE(float);
STARLING_INSTANTIATE(double);
#undef STARLING_INSTANTIATE

}  // namespace starling::kernels
