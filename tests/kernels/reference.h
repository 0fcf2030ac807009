#pragma once
// The formulas of starling/kernels, one pair at a time, in long double, with no thought of speed.
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "starling/base/random.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/mean_shift.h"

namespace starling::kernels::reference {

using Real = long double;

template <class T>
Real distance(const T* a, const T* b, std::ptrdiff_t d) {
  Real sum = 0;
  for (std::ptrdiff_t k = 0; k < d; ++k) {
    const Real difference = static_cast<Real>(a[k]) - static_cast<Real>(b[k]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

template <class T>
std::vector<Real> mean_shift(Radial radial, double scale, SelfPair self, const std::vector<T>& z,
                             const std::vector<T>& y, std::ptrdiff_t d) {
  const auto n = static_cast<std::ptrdiff_t>(z.size()) / d, m = static_cast<std::ptrdiff_t>(y.size()) / d;
  const Real s = scale;
  std::vector<Real> out(z.size(), 0);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    Real mass = 0;
    for (std::ptrdiff_t j = 0; j < m; ++j) {
      if (self == SelfPair::excluded && i == j) continue;
      const Real r = distance(&z[static_cast<std::size_t>(i * d)], &y[static_cast<std::size_t>(j * d)], d);
      Real a = std::exp(-r / s), b = a;
      if (radial == Radial::gaussian) a = b = std::exp(-r * r / (2 * s * s));
      if (radial == Radial::laplace_gradient) b = r > 0 ? a / (s * r) : 0;
      if (radial == Radial::sharp) {
        b = a / (s * s);
        a *= 1 + r / s;
      }
      mass += a;
      for (std::ptrdiff_t k = 0; k < d; ++k) {
        const auto p = static_cast<std::size_t>(i * d + k);
        out[p] += b * (static_cast<Real>(y[static_cast<std::size_t>(j * d + k)]) - static_cast<Real>(z[p]));
      }
    }
    for (std::ptrdiff_t k = 0; k < d; ++k) {
      auto& value = out[static_cast<std::size_t>(i * d + k)];
      value = mass > 0 ? value / mass : 0;
    }
  }
  return out;
}

template <class T>
std::vector<Real> double_normalised(const AffinityRule& rule, const std::vector<T>& x,
                                    const std::vector<T>& others, std::ptrdiff_t negatives, std::ptrdiff_t d,
                                    const std::vector<T>& weights) {
  const std::size_t n = x.size() / static_cast<std::size_t>(d),
                    m = others.size() / static_cast<std::size_t>(d);
  const std::size_t columns = n + m, dim = static_cast<std::size_t>(d);
  const auto point = [&](std::size_t j) { return j < n ? &x[j * dim] : &others[(j - n) * dim]; };
  std::vector<Real> e(n * columns), row(n, 0), column(columns, 0), out(x.size(), 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      Real r = std::max(distance(point(i), point(j), d), static_cast<Real>(rule.least_distance));
      if (i == j) r += rule.diagonal;
      e[i * columns + j] = std::exp(-r / static_cast<Real>(rule.temperature));
      row[i] += e[i * columns + j];
      column[j] += e[i * columns + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    Real mass[2] = {0, 0};
    std::vector<Real> moments(2 * dim, 0);
    for (std::size_t j = 0; j < columns; ++j) {
      const Real normaliser = std::max(row[i] * column[j], static_cast<Real>(rule.least_normaliser));
      Real a = normaliser > 0 ? e[i * columns + j] / std::sqrt(normaliser) : 0;
      a = std::max(a, static_cast<Real>(rule.least_affinity)) *
          (weights.empty() ? 1 : static_cast<Real>(weights[j]));
      const std::size_t side = j >= n + static_cast<std::size_t>(negatives) ? 1 : 0;
      mass[side] += a;
      for (std::size_t k = 0; k < dim; ++k) moments[side * dim + k] += a * static_cast<Real>(point(j)[k]);
    }
    for (std::size_t k = 0; k < dim; ++k)
      out[i * dim + k] = moments[dim + k] * mass[0] - moments[k] * mass[1];
  }
  return out;
}

template <class T>
std::vector<T> random_cloud(std::ptrdiff_t n, std::ptrdiff_t d, std::uint64_t index, double spread = 1,
                            double offset = 0) {
  base::Stream stream(11, 0, "cloud", index);
  std::vector<T> cloud(static_cast<std::size_t>(n * d));
  for (T& value : cloud) value = static_cast<T>(offset + spread * stream.normal());
  return cloud;
}

}  // namespace starling::kernels::reference
