#include "starling/kernels/normalisers.h"

namespace starling::kernels {

template <class T>
Columns<T>::Columns(const T* x, std::ptrdiff_t points, const T* others, std::ptrdiff_t m,
                    std::ptrdiff_t negatives, std::ptrdiff_t dimension, const T* weights)
    : n(points), d(dimension), weighted(weights != nullptr) {
  const T* data = others + negatives * d;
  const std::vector<T> centre = m > negatives ? mean_point(data, m - negatives, d) : mean_point(x, n, d);
  rows = centred(x, n, d, centre.data(), n);
  if (d >= wide_dimension) squares = squared_norms(rows.data(), n, d, n);
  const auto weights_from = [&](std::ptrdiff_t first) { return weighted ? weights + first : nullptr; };
  add(x, n, centre.data(), true, 0, weights_from(0));
  add(others, negatives, centre.data(), false, 0, weights_from(n));
  add(data, m - negatives, centre.data(), false, 1, weights_from(n + negatives));
}

template <class T>
void Columns<T>::add(const T* points, std::ptrdiff_t count, const T* centre, bool own, int side,
                     const T* weights) {
  if (count == 0) return;
  blocks.push_back({pack(points, count, d, centre), static_cast<std::ptrdiff_t>(weight.size()), own, side});
  for (std::ptrdiff_t j = 0; j < blocks.back().cloud.stride; ++j)
    weight.push_back(j >= count ? T(0) : weights == nullptr ? T(1) : weights[j]);
}

template struct Columns<float>;
template struct Columns<double>;

}  // namespace starling::kernels
