#pragma once
#include <array>
#include <boost/math/quadrature/gauss.hpp>

namespace starling::depth {

/// Gauss-Legendre collocation on [0, 1]: nodes c, weights b, and a[i][j] = ∫_0^{c_i} ℓ_j of Lagrange's
/// polynomials.
struct Collocation {
  static constexpr int nodes = 4;
  std::array<double, nodes> c{}, b{};
  std::array<std::array<double, nodes>, nodes> a{};

  Collocation() {
    using Gauss = boost::math::quadrature::gauss<double, nodes>;  // abscissas of [0, 1), symmetric about 0
    for (int i = 0; i < nodes / 2; ++i) {
      const auto k = static_cast<std::size_t>(i);
      const double at = Gauss::abscissa()[k], weight = Gauss::weights()[k];
      const std::size_t low = nodes / 2 - 1 - k, high = nodes / 2 + k;
      c[low] = (1 - at) / 2;
      c[high] = (1 + at) / 2;
      b[low] = b[high] = weight / 2;
    }
    // The rule is exact for Lagrange's polynomials, also on [0, c_i].
    for (std::size_t i = 0; i < nodes; ++i) {
      for (std::size_t j = 0; j < nodes; ++j) {
        for (std::size_t q = 0; q < nodes; ++q) a[i][j] += c[i] * b[q] * lagrange(j, c[i] * c[q]);
      }
    }
  }

 private:
  double lagrange(std::size_t j, double s) const {
    double product = 1;
    for (std::size_t k = 0; k < nodes; ++k) {
      if (k != j) product *= (s - c[k]) / (c[j] - c[k]);
    }
    return product;
  }
};

}  // namespace starling::depth
