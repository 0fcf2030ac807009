#include "starling/kernels/cloud.h"

namespace starling::kernels {

template <class T>
Cloud<T> pack(const T* points, std::ptrdiff_t n, std::ptrdiff_t d, const T* centre) {
  constexpr std::ptrdiff_t padding = 16;
  Cloud<T> cloud;
  cloud.n = n;
  cloud.d = d;
  cloud.stride = (n + padding - 1) / padding * padding;
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

template struct Cloud<float>;
template struct Cloud<double>;
template Cloud<float> pack(const float*, std::ptrdiff_t, std::ptrdiff_t, const float*);
template Cloud<double> pack(const double*, std::ptrdiff_t, std::ptrdiff_t, const double*);
template std::vector<float> mean_point(const float*, std::ptrdiff_t, std::ptrdiff_t);
template std::vector<double> mean_point(const double*, std::ptrdiff_t, std::ptrdiff_t);

}  // namespace starling::kernels
