#pragma once
#include <Eigen/Core>
#include <functional>

#include "starling/base/matrix.h"

namespace starling::optim {

/// A step that makes the model m(p) = g·p + ½ p·Hp small within |p| <= radius.
struct ModelStep {
  base::Vector<double> p{};
  double predicted = 0;      ///< the fall -m(p) >= 0
  bool at_boundary = false;  ///< |p| is the radius
  bool complete = true;      ///< as good as it was asked to be
  int factors = 0;           ///< Cholesky factors that it took
};

/// H times a direction.
using HessianTimes = std::function<base::Vector<double>(const base::Vector<double>&)>;

/// Steihaug's truncated conjugate gradients (SIAM J. Numer. Anal. 20, 1983, 626-637): until the model's
/// gradient is `relative` times g, or out along a direction of negative curvature. After `most` products it
/// returns what it has, not `complete`.
ModelStep truncated_cg(const base::Vector<double>& gradient, double radius, double relative, base::Index most,
                       const HessianTimes& times);

/// The model's minimum, to 10% of the radius, from a dense symmetric H: Moré & Sorensen (SIAM J. Sci. Stat.
/// Comput. 4, 1983, 553-572): Newton's method for the λ >= 0 at which H + λI is positive definite and
/// |(H + λI)⁻¹ g| the radius, one Cholesky factor a step; where g has no part along the lowest eigenvector
/// (the hard case) that direction, from inverse iteration, fills the radius.
ModelStep exact_step(const Eigen::MatrixXd& hessian, const base::Vector<double>& gradient, double radius);

/// Whether H has no eigenvalue below -relative times its largest absolute row sum.
bool is_positive_semidefinite(const Eigen::MatrixXd& hessian, double relative);

/// How far a quadratic model is trusted (Nocedal & Wright, "Numerical Optimization", 2006, algorithm 4.1).
struct TrustRegion {
  double radius = 1;

  /// Judges a step by the fall that came of it, up to `noise`, the rounding of the loss: adapts the radius
  /// and tells whether to take the step.
  bool judge(const ModelStep& step, double fall, double noise);
};

}  // namespace starling::optim
