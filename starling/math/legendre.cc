#include "starling/math/legendre.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::math {

void legendre_values(int degree, double x, double* out) {
  out[0] = 1;
  if (degree > 0) out[1] = x;
  for (int k = 1; k < degree; ++k) out[k + 1] = ((2 * k + 1) * x * out[k] - k * out[k - 1]) / (k + 1);
}

// Newton's method for the roots from their asymptotic places.
GaussRule gauss_legendre(int n) {
  if (n < 1 || n > 4096)
    throw base::Error(base::ErrorKind::usage, fmt::format("quadrature: {} points; expected 1 to 4096", n));
  GaussRule rule{std::vector<double>(static_cast<std::size_t>(n)),
                 std::vector<double>(static_cast<std::size_t>(n))};
  std::vector<double> p(static_cast<std::size_t>(n) + 1);
  for (int i = 0; i < (n + 1) / 2; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5)), slope = 0;
    for (int round = 0; round < 100; ++round) {
      legendre_values(n, x, p.data());
      slope = n * (x * p[static_cast<std::size_t>(n)] - p[static_cast<std::size_t>(n) - 1]) / (x * x - 1);
      const double step = p[static_cast<std::size_t>(n)] / slope;
      x -= step;
      if (std::abs(step) < 1e-16) break;
    }
    if (2 * i + 1 == n) x = 0;
    legendre_values(n, x, p.data());
    slope = n * (x * p[static_cast<std::size_t>(n)] - p[static_cast<std::size_t>(n) - 1]) / (x * x - 1);
    const double weight = 2 / ((1 - x * x) * slope * slope);
    const auto low = static_cast<std::size_t>(i), high = static_cast<std::size_t>(n - 1 - i);
    rule.points[low] = -x;
    rule.points[high] = x;
    rule.weights[low] = rule.weights[high] = weight;
  }
  return rule;
}

}  // namespace starling::math
