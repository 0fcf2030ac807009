#pragma once
#include <Eigen/Core>

namespace starling::students {

/// P(x <= h, y <= k) for standard normal x, y of correlation rho, |rho| <= 1, by Owen's T function (Owen,
/// Ann. Math. Statist. 27 (1956)). `rest` is √(1 - rho²), apart because the difference loses all digits near
/// |rho| = 1.
double bivariate_normal(double h, double k, double rho, double rest);

/// Zero-mean covariance [[v1, c], [c, v2]]; det = v1 v2 - c² > 0 is kept apart for its digits.
struct Covariance {
  double v1, c, v2, det;
};

/// T(i, j) = ∂^i/∂b1^i ∂^j/∂b2^j P(x <= b1, y <= b2), i + j <= 6, for (x, y) of that covariance.
using NormalTower = Eigen::Matrix<double, 7, 7>;
NormalTower normal_tower(const Covariance& covariance, double b1, double b2);

/// The derivatives T(i, j) from given T(0, 0), T(1, 0), T(0, 1): for functions whose mixed derivative is
/// `density` times the bivariate normal density, as 4 P - 2 Φ - 2 Φ + 1 is.
NormalTower normal_tower(const Covariance& covariance, double b1, double b2, double density, double t00,
                         double t10, double t01);

double normal_density(double x, double variance);
double normal_distribution(double x);  ///< Φ(x)

}  // namespace starling::students
