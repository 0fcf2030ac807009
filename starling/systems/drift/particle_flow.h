#pragma once
#include <span>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/flows/ode.h"
#include "starling/systems/drift/field.h"
#include "starling/systems/drift/observables.h"

namespace starling::drift {

/// The particle ODE dx_i/dt = V(x_i; X), y fixed, solved to tolerance: the clouds (N, d) at the ascending
/// `times` (the first may be 0). Errors as drift::velocity, and Error{numerical} when the solver gives up.
std::vector<base::Points<double>> particle_flow(const FieldSpec& spec, const base::PointsRef<double>& x,
                                                const base::PointsRef<double>& y,
                                                std::span<const double> times,
                                                const flows::OdeOptions& options);

/// The same for the conservative Gaussian field towards any target, self term included.
std::vector<base::Points<double>> conservative_flow(const base::PointsRef<double>& x, const Target& target,
                                                    std::span<const double> times,
                                                    const flows::OdeOptions& options);

/// The two sides of the entropy identity along the conservative Gaussian flow, at each time:
///   change   = -log|det dX_t/dX_0| - Σ_i [log pi_h(x_i(t)) - log pi_h(x_i(0))]   (from the flow's own
///   Jacobian) integral = ∫_0^t (-N S_N + (d/h^2) Σ_i 1/n_i) ds
struct EntropyBalance {
  std::vector<double> change, integral;
};
EntropyBalance entropy_balance(const base::PointsRef<double>& x, const base::PointsRef<double>& y, double h,
                               std::span<const double> times);

/// d(v_1..v_N)/d(x_1..x_N) of the conservative Gaussian field, shape (N d, N d): not symmetric, because the
/// force of j on i is divided by the density at i.
base::Points<double> joint_jacobian(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                                    double h);

/// The variance at time t of a normal model N(m, u0) that flows to N(m*, u_target) under the Gaussian kernel
/// of squared bandwidth h2 in the limit of many particles: the implicit solution of du/dt = 2u(u* - u) / ((u
/// + h2)(u* + h2)). u0 >= 0, u_target > 0, h2 > 0, t >= 0, else Error{usage}. u0 = 0 stays 0: a collapsed
/// cloud does not split.
double gaussian_variance(double u0, double u_target, double h2, double t);

}  // namespace starling::drift
