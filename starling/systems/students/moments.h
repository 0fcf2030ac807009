#pragma once
#include <Eigen/Core>
#include <array>

#include "starling/systems/students/kernel.h"

namespace starling::students {

/// M(i, j) = E[σ^(i)(h1) σ^(j)(h2)] of two neurons with biases, (h1, h2) ~ N((b1, b2), [[q1, c], [c, q2]]);
/// for i + j <= 4, the rest is unspecified.
using Moments = Eigen::Matrix<double, 5, 5>;

/// E[σ^(i)(h)], i = 0..4, h ~ N(b, q).
using MeanMoments = std::array<double, 5>;

/// Every partial derivative of κ is a moment (Price's theorem, and d/db = E[σ' ·]):
///   ∂κ/∂q1 = M20/2, ∂κ/∂c = M11, ∂²κ/∂q1² = M40/4, ∂²κ/∂q1∂c = M31/2, ∂²κ/∂c² = M22, ∂²κ/∂q1∂q2 = M22/4,
///   ∂κ/∂b1 = M10, ∂²κ/∂b1∂q1 = M30/2, ∂²κ/∂b1∂c = M21, ∂²κ/∂b1∂q2 = M12/2.
Kernel kernel_from(const Moments& moments);

/// The moments with biases, for the activations with a closed form. erf, phi, gelu and relu through the
/// bivariate normal distribution and its derivatives (`bivariate_normal.h`), polynomials by Σ_k c^k/k!
/// E[σ^(i+k)] E[σ^(j+k)], sin, cos and exp by their addition theorems. ReLU's fourth-order moments diverge
/// where both hyperplanes coincide; there they are split so that ∂_w∂_w g and ∂_w∂_v g, in which they enter
/// together, take their limits.
Moments biased_moments(Activation activation, const Overlap& pair, double b1, double b2);

/// The averages over one neuron, for every activation.
MeanMoments mean_moments(Activation activation, double q, double b);

}  // namespace starling::students
