#pragma once
#include "starling/base/matrix.h"
#include "starling/base/random.h"
#include "starling/systems/drift/observables.h"

namespace starling::drift {

// Velocities of other particle methods, at the particles x (N, d), for comparison with the drifting fields on
// the same start. Each is minus N times the gradient of an objective in the particles, named in its comment.
// The bytes do not depend on the number of threads. Errors: Error{usage} for a scale that is not positive and
// finite or for widths that differ, Error{input} for an empty cloud or a value that is not finite, as
// drift::velocity.

/// The flow of MMD²/2 with kernel k = exp(-r²/2h²): v = -grad f, f(z) = (1/N) Σ k(x_j, z) - (1/M) Σ k(y_j, z)
/// the witness, read at x + offset (N, d; noise injection, may have no rows). Arbel et al., "Maximum mean
/// discrepancy gradient flow" (NeurIPS 2019), equations 5 and 17.
base::Points<double> mmd_velocity(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                                  double h, const base::PointsRef<double>& offset);

/// Stein variational gradient descent: v_i = (1/N) Σ_j [k(x_j, x_i) s_j + grad_{x_j} k(x_j, x_i)], s (N, d)
/// the target's score at the particles, k = exp(-r²/2h²). Liu & Wang, "Stein variational gradient descent"
/// (NeurIPS 2016), equation 8. In the limit of many particles the flow of KL(q | p) in the geometry of k; of
/// finitely many, of nothing.
base::Points<double> svgd_velocity(const base::PointsRef<double>& x, const base::PointsRef<double>& score,
                                   double h);

/// The flow of half the mean of W_2² over projections on the unit vectors `directions` (K, d):
/// v_i = (1/K) Σ_k θ_k (T_k(θ_k·x_i) - θ_k·x_i). T_k couples quantiles exactly: with unequal sizes a particle
/// goes to the mean of the data quantiles over its own share of mass. Equal projections keep the order of
/// rows. Bonneel et al., "Sliced and Radon Wasserstein barycenters" (2015); Liutkus et al.,
/// "Sliced-Wasserstein flows" (ICML 2019).
base::Points<double> sliced_velocity(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                                     const base::PointsRef<double>& directions);

/// The exact Wasserstein gradient flow of μ -> KL(K_h * μ | pi_h): v = K_h * grad log(pi_h / q_h), where the
/// conservative field leaves the outer K_h * out. Derived in docs/drift.md; d/dt KL = -mean |v_i|² along it.
/// The convolution is a trapezoid sum over a grid of step h/4 in one and two dimensions (nine digits; until 4
/// million nodes), and beyond the mean over 256 antithetic draws that are the same for every particle and
/// every call: a relative error that may reach a fifth, at the price of 256 fields, but no noise in time.
base::Points<double> kl_velocity(const base::PointsRef<double>& x, const Target& target);

}  // namespace starling::drift
