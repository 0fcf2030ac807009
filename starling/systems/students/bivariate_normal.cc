#include "starling/systems/students/bivariate_normal.h"

#include <algorithm>
#include <boost/math/special_functions/owens_t.hpp>
#include <cmath>
#include <numbers>

namespace starling::students {
namespace {

using std::numbers::pi;

// T(h, (k - rho h) / (h rest)).
double owen(double h, double k, double rho, double rest) {
  const double rise = k - rho * h;
  if (h == 0) return rise == 0 ? 0 : std::copysign(0.25, rise);
  if (rest == 0 || std::abs(rise) > 1e100 * std::abs(h) * rest) {  // T(h, ±∞) = ±Φ(-|h|)/2
    return rise == 0 ? 0 : std::copysign(0.5, rise * h) * normal_distribution(-std::abs(h));
  }
  return boost::math::owens_t(h, rise / (h * rest));
}

}  // namespace

double normal_density(double x, double variance) {
  return std::exp(-x * x / (2 * variance)) / std::sqrt(2 * pi * variance);
}

double normal_distribution(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

double bivariate_normal(double h, double k, double rho, double rest) {
  if (h == 0 && k == 0) return 0.25 + std::atan2(rho, rest) / (2 * pi);
  const bool apart = (h < 0) != (k < 0) && (h * k != 0 || h + k < 0);
  const double sum = (normal_distribution(h) + normal_distribution(k)) / 2;
  return std::max(0.0, sum - owen(h, k, rho, rest) - owen(k, h, rho, rest) - (apart ? 0.5 : 0));
}

NormalTower normal_tower(const Covariance& s, double b1, double b2, double density, double t00, double t10,
                         double t01) {
  const double s11 = s.v2 / s.det, s22 = s.v1 / s.det, s12 = -s.c / s.det;
  const double u1 = s11 * b1 + s12 * b2, u2 = s12 * b1 + s22 * b2;
  NormalTower t = NormalTower::Zero();
  t(0, 0) = t00;
  t(1, 0) = t10;
  t(0, 1) = t01;
  t(1, 1) = density * std::exp(-(b1 * u1 + b2 * u2) / 2) / (2 * pi * std::sqrt(s.det));
  for (int j = 1; j <= 5; ++j) {  // Hermite's recurrence for the derivatives of the density
    if (j > 1) t(1, j) = -u2 * t(1, j - 1) - (j > 2 ? (j - 2) * s22 * t(1, j - 2) : 0);
    for (int i = 1; i + j < 6; ++i) {
      t(i + 1, j) = -u1 * t(i, j);
      if (i > 1) t(i + 1, j) -= (i - 1) * s11 * t(i - 1, j);
      if (j > 1) t(i + 1, j) -= (j - 1) * s12 * t(i, j - 1);
    }
  }
  for (int i = 1; i < 6; ++i) {  // ∂1 T10 = -(b1/v1) T10 - (c/v1) T11, differentiated
    t(i + 1, 0) = -(b1 * t(i, 0) + s.c * t(i, 1)) / s.v1;
    t(0, i + 1) = -(b2 * t(0, i) + s.c * t(1, i)) / s.v2;
    if (i > 1) t(i + 1, 0) -= (i - 1) * t(i - 1, 0) / s.v1;
    if (i > 1) t(0, i + 1) -= (i - 1) * t(0, i - 1) / s.v2;
  }
  return t;
}

NormalTower normal_tower(const Covariance& s, double b1, double b2) {
  const double root1 = std::sqrt(s.v1), root2 = std::sqrt(s.v2), root = std::sqrt(s.det);
  const double joint =
      bivariate_normal(b1 / root1, b2 / root2, s.c / (root1 * root2), root / (root1 * root2));
  const double first = normal_density(b1, s.v1) * normal_distribution((b2 - s.c * b1 / s.v1) * root1 / root);
  const double second = normal_density(b2, s.v2) * normal_distribution((b1 - s.c * b2 / s.v2) * root2 / root);
  return normal_tower(s, b1, b2, 1, joint, first, second);
}

}  // namespace starling::students
