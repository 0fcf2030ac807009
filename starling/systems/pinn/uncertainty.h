#pragma once
#include <span>
#include <vector>

#include "starling/systems/pinn/loss.h"

namespace starling::pinn {

/// What the measurements leave open about learned coefficients.
struct LearnedIntervals {
  /// σ: √(Σ missed² / (n - p)), p the number of parameters that the n measurements determine.
  double noise = 0;
  double determined = 0;  ///< p
  struct Interval {
    double value = 0, lower = 0, upper = 0;
  };
  std::vector<Interval>
      coefficients{};  ///< 95%; none when there is nothing learned, or no room for the Jacobian
};

/// Intervals from the Gauss-Newton matrix at parameters where the loss is least. With J the derivatives of
/// the stacked residuals and J_d those of the measurements, which alone carry noise, the covariance of the
/// parameters is A⁻¹ (w σ²/n J_dᵀ J_d) A⁻¹, A = JᵀJ + δI, and p = tr A⁻¹ J_dᵀ J_d: the equations count as
/// known, to the weight that the loss gives them. δ is 1e-12 of the largest diagonal number, since networks
/// have directions that no residual sees. The interval of a positive coefficient is that of its logarithm.
/// The measurements are the last term of `loss`; a Jacobian of more than 1e8 numbers gives no intervals.
LearnedIntervals learned_intervals(const System& system, Loss& loss, std::span<const double> parameters);

}  // namespace starling::pinn
