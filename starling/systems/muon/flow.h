#pragma once
#include <span>
#include <vector>

#include "starling/systems/muon/kinetic.h"

namespace starling::muon {

/// How the flow W' = -∇Ψ(P), P' = -γ P + g(W) is integrated. With a step dt, β = 1 - γ dt:
enum class Integrator {
  reference,  ///< adaptive Runge-Kutta of order 8, the dissipation as one more unknown
  muon,       ///< Muon as it is: P <- β P + dt g(W), W <- W - dt ∇Ψ(P). Order 1; JᵀΩJ = β Ω exactly
  nesterov,   ///< the same with W <- W - dt ∇Ψ(β P + dt g) at the new P. Order 1; no structure kept
  strang,     ///< half damping, half kick, drift, half kick, half damping. Order 2; factor e^(-γ dt)
  drift_kick_drift,  ///< half drift, exact damping and kick, half drift. Order 2, the smallest constant
  discrete_gradient  ///< Gonzalez' mid-point form: H falls by exactly dt γ <P_mid, ∇Ψ>; implicit, order 2
};

/// What moves and how it is damped. H = J(ρ) + K(ρ) falls as dH/dt = -γ ∫ <P, ∇Ψ(P)> dρ.
struct Flow {
  const Objective& objective;
  Kinetic kinetic;
  double gamma = 1;  ///< > 0; momentum is in the convention P' = -γ P + g, e in the units of that P
};

struct State {
  Cloud w, p;
};

/// A flow at the times asked for.
struct History {
  std::vector<double> times;
  std::vector<State> states;
  std::vector<double> objective, hamiltonian;
  /// ∫_0^t γ ∫ <P, ∇Ψ(P)> dρ ds >= 0, which H has lost: H(t) = H(0) - dissipation(t) to the tolerance for
  /// `reference`, to rounding for `discrete_gradient`; by the trapezoidal rule for the others.
  std::vector<double> dissipation;
};

struct StepOptions {
  Integrator integrator = Integrator::reference;
  double dt = 0;                      ///< > 0 for all but `reference`
  double rtol = 1e-13, atol = 1e-15;  ///< of `reference`
  base::Vector<double> weights{};     ///< of the particles; empty: equal
};

/// From `start` at t = 0 to each of `times`, which must not descend and, with a step, be whole multiples of
/// it. Error{usage} for those, gamma <= 0 or a wrong dt, Error{input} for clouds that do not fit,
/// Error{numerical} when numbers are lost or an implicit step finds no end.
History follow(const Flow& flow, const State& start, std::span<const double> times,
               const StepOptions& options);

/// One step in place.
void step(const Flow& flow, Integrator integrator, double dt, const base::Vector<double>& weights,
          State& state);

/// J + K.
double hamiltonian(const Flow& flow, const State& state, const base::Vector<double>& weights);

/// dt² h / e = 2 (1 + β) is where `muon` loses stability near a minimum with largest Hessian eigenvalue h.
double largest_stable_curvature(double gamma, double epsilon, double dt);

}  // namespace starling::muon
