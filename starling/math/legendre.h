#pragma once
#include <vector>

namespace starling::math {

/// Gauss and Legendre's rule on [-1, 1]: exact for polynomials of degree 2n - 1.
struct GaussRule {
  std::vector<double> points, weights;  ///< ascending
};

/// The rule of n points, 1 to 4096, to rounding. Error{usage} for another number.
GaussRule gauss_legendre(int n);

/// P_0(x) to P_degree(x).
void legendre_values(int degree, double x, double* out);

}  // namespace starling::math
