#include "starling/systems/muon/flow.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/flows/ode.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Vector;

Cloud force(const Flow& flow, const Cloud& w, const Vector<double>& weights) {
  Cloud g;
  flow.objective.value(w, weights, &g);
  return g;
}

Cloud velocity(const Flow& flow, const Cloud& p, const Vector<double>& weights) {
  Cloud out;
  flow.kinetic.velocity(p, weights, out);
  return out;
}

// ∫ <X, Y> dρ
double pairing(const Cloud& x, const Cloud& y, const Vector<double>& weights) {
  return weights.dot(x.cwiseProduct(y).rowwise().sum());
}

double power(const Flow& flow, const Cloud& p, const Vector<double>& weights) {
  return flow.gamma * pairing(p, velocity(flow, p, weights), weights);
}

// Gonzalez (J. Nonlinear Sci. 6, 1996): the gradient at the mid-point, corrected along the chord so that its
// product with the chord is the difference of the values.
void correct_along(const Cloud& chord, double missing, double chord_square, Cloud& gradient) {
  if (chord_square > 0) gradient += (missing / chord_square) * chord;
}

// W1 - W0 = -dt DΨ(P0, P1), P1 - P0 = dt (Dg(W0, W1) - γ (P0 + P1)/2), by repeated substitution.
void discrete_gradient_step(const Flow& flow, double dt, const Vector<double>& weights, State& state) {
  const Cloud w0 = state.w, p0 = state.p;
  const double j0 = flow.objective.value(w0, weights, nullptr), k0 = flow.kinetic.energy(p0, weights);
  const bool apart = flow.kinetic.reading() == Reading::particles;
  const Vector<double> psi0 = apart ? flow.kinetic.energies(p0) : Vector<double>();
  constexpr int most = 200;
  double before = std::numeric_limits<double>::infinity();
  for (int i = 0; i < most; ++i) {
    const Cloud dp = state.p - p0, middle = 0.5 * (state.p + p0);
    Cloud v = velocity(flow, middle, weights);
    if (apart) {
      const Vector<double> psi1 = flow.kinetic.energies(state.p);
      for (Index n = 0; n < v.rows(); ++n) {
        const double square = dp.row(n).squaredNorm();
        if (square > 0) v.row(n) += ((psi1[n] - psi0[n] - v.row(n).dot(dp.row(n))) / square) * dp.row(n);
      }
    } else {
      correct_along(dp, flow.kinetic.energy(state.p, weights) - k0 - pairing(v, dp, weights),
                    pairing(dp, dp, weights), v);
    }
    const Cloud w1 = w0 - dt * v, dw = w1 - w0;
    Cloud g = force(flow, 0.5 * (w0 + w1), weights);
    correct_along(dw, flow.objective.value(w1, weights, nullptr) - j0 - pairing(g, dw, weights),
                  pairing(dw, dw, weights), g);
    const Cloud p1 = p0 + dt * (g - flow.gamma * middle);
    const double change = (w1 - state.w).cwiseAbs().maxCoeff() + (p1 - state.p).cwiseAbs().maxCoeff();
    state.w = w1;
    state.p = p1;
    // The corrections divide rounding by short chords: the end is where substitution gains no more.
    constexpr double rounding = 1e-15, noise = 1e-9;
    const double scale = 1 + p1.cwiseAbs().maxCoeff() + w1.cwiseAbs().maxCoeff();
    if (change <= rounding * scale || (change >= 0.5 * before && change <= noise * scale)) return;
    before = change;
    if (!std::isfinite(change)) break;
  }
  throw Error(ErrorKind::numerical,
              fmt::format("discrete gradient: a step of dt = {} does not converge; a smaller one may", dt));
}

State unpacked(const std::vector<double>& y, Index n, Index size) {
  const Eigen::Map<const Cloud> w(y.data(), n, size), p(y.data() + n * size, n, size);
  return {w, p};
}

std::vector<State> by_reference(const Flow& flow, const State& start, std::span<const double> times,
                                const StepOptions& options, const Vector<double>& weights,
                                std::vector<double>& dissipation) {
  const Index n = start.w.rows(), size = start.w.cols(), half = n * size;
  std::vector<double> y0(static_cast<std::size_t>(2 * half + 1), 0.0);
  Eigen::Map<Cloud>(y0.data(), n, size) = start.w;
  Eigen::Map<Cloud>(y0.data() + half, n, size) = start.p;
  Cloud w(n, size), p(n, size), v, g;
  const auto rates = [&](double, std::span<const double> y, std::span<double> rate) {
    w = Eigen::Map<const Cloud>(y.data(), n, size);
    p = Eigen::Map<const Cloud>(y.data() + half, n, size);
    flow.kinetic.velocity(p, weights, v);
    flow.objective.value(w, weights, &g);
    rate[static_cast<std::size_t>(2 * half)] = flow.gamma * pairing(p, v, weights);
    // Arithmetic in our own, aligned memory: at the ends of the solver's the rounding would depend on where
    // it lies.
    g -= flow.gamma * p;
    Eigen::Map<Cloud>(rate.data(), n, size) = -v;
    Eigen::Map<Cloud>(rate.data() + half, n, size) = g;
  };
  std::vector<State> states;
  for (const std::vector<double>& y :
       flows::integrate(rates, y0, times, {.rtol = options.rtol, .atol = options.atol})) {
    states.push_back(unpacked(y, n, size));
    dissipation.push_back(y.back());
  }
  return states;
}

std::int64_t steps_to(double time, double dt) {
  const double steps = std::round(time / dt);
  if (!(std::abs(steps * dt - time) <= 1e-9 * std::max(dt, time)))
    throw Error(ErrorKind::usage, fmt::format("times: {} is no multiple of the step {}", time, dt));
  return static_cast<std::int64_t>(steps);
}

std::vector<State> by_steps(const Flow& flow, const State& start, std::span<const double> times,
                            const StepOptions& options, const Vector<double>& weights,
                            std::vector<double>& dissipation) {
  if (!(options.dt > 0 && std::isfinite(options.dt)))
    throw Error(ErrorKind::usage, fmt::format("dt = {}; expected a positive, finite step", options.dt));
  if (options.integrator != Integrator::strang && options.integrator != Integrator::drift_kick_drift &&
      flow.gamma * options.dt >= 1) {
    throw Error(ErrorKind::usage, fmt::format("gamma dt = {}; expected beta = 1 - gamma dt in (0, 1)",
                                              flow.gamma * options.dt));
  }
  const bool exact = options.integrator == Integrator::discrete_gradient;
  State state = start;
  std::vector<State> states;
  double lost = 0, before = power(flow, state.p, weights), h = exact ? hamiltonian(flow, state, weights) : 0;
  std::int64_t done = 0;
  for (const double time : times) {
    for (const std::int64_t wanted = steps_to(time, options.dt); done < wanted; ++done) {
      step(flow, options.integrator, options.dt, weights, state);
      if (!state.w.allFinite() || !state.p.allFinite()) {
        throw Error(ErrorKind::numerical, fmt::format("t = {}: the flow is lost; a smaller dt may help",
                                                      static_cast<double>(done + 1) * options.dt));
      }
      if (exact) {
        const double next = hamiltonian(flow, state, weights);
        lost += h - next;
        h = next;
      } else {
        const double after = power(flow, state.p, weights);
        lost += 0.5 * options.dt * (before + after);
        before = after;
      }
    }
    states.push_back(state);
    dissipation.push_back(lost);
  }
  return states;
}

void require_fit(const Flow& flow, const State& start, std::span<const double> times,
                 const Vector<double>& weights) {
  const Index size = flow.objective.particle_size();
  if (start.w.rows() < 1 || start.w.cols() != size || start.p.rows() != start.w.rows() ||
      start.p.cols() != size || weights.size() != start.w.rows()) {
    throw Error(
        ErrorKind::input,
        fmt::format("particles ({}, {}), momenta ({}, {}), weights ({}); expected (N, {}) twice and (N), N "
                    "at least 1",
                    start.w.rows(), start.w.cols(), start.p.rows(), start.p.cols(), weights.size(), size));
  }
  if (!start.w.allFinite() || !start.p.allFinite() || !weights.allFinite())
    throw Error(ErrorKind::input, "particles, momenta or weights hold numbers that are not finite");
  if (!(flow.gamma > 0 && std::isfinite(flow.gamma)))
    throw Error(ErrorKind::usage, fmt::format("gamma = {}; expected a positive, finite number", flow.gamma));
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (std::isfinite(times[i]) && times[i] >= (i == 0 ? 0 : times[i - 1])) continue;
    throw Error(
        ErrorKind::usage,
        fmt::format("times: {} at {}; expected finite times that do not descend, from 0", times[i], i));
  }
}

}  // namespace

void step(const Flow& flow, Integrator integrator, double dt, const Vector<double>& weights, State& state) {
  const double gamma = flow.gamma, beta = 1 - gamma * dt;
  switch (integrator) {
    case Integrator::muon:
      state.p = beta * state.p + dt * force(flow, state.w, weights);
      state.w -= dt * velocity(flow, state.p, weights);
      return;
    case Integrator::nesterov: {
      const Cloud g = force(flow, state.w, weights);
      state.p = beta * state.p + dt * g;
      state.w -= dt * velocity(flow, beta * state.p + dt * g, weights);
      return;
    }
    case Integrator::strang: {
      const double half = std::exp(-0.5 * gamma * dt);
      state.p = half * state.p + 0.5 * dt * force(flow, state.w, weights);
      state.w -= dt * velocity(flow, state.p, weights);
      state.p = half * (state.p + 0.5 * dt * force(flow, state.w, weights));
      return;
    }
    case Integrator::drift_kick_drift:
      state.w -= 0.5 * dt * velocity(flow, state.p, weights);
      state.p =
          std::exp(-gamma * dt) * state.p - (std::expm1(-gamma * dt) / gamma) * force(flow, state.w, weights);
      state.w -= 0.5 * dt * velocity(flow, state.p, weights);
      return;
    case Integrator::discrete_gradient:
      discrete_gradient_step(flow, dt, weights, state);
      return;
    case Integrator::reference:
      break;
  }
  throw Error(ErrorKind::usage, "the reference has no steps of its own; use follow()");
}

double hamiltonian(const Flow& flow, const State& state, const Vector<double>& weights) {
  return flow.objective.value(state.w, weights, nullptr) + flow.kinetic.energy(state.p, weights);
}

History follow(const Flow& flow, const State& start, std::span<const double> times,
               const StepOptions& options) {
  const Vector<double> weights = options.weights.size() > 0 ? options.weights : equal_weights(start.w.rows());
  require_fit(flow, start, times, weights);
  History out;
  out.times.assign(times.begin(), times.end());
  out.states = options.integrator == Integrator::reference
                   ? by_reference(flow, start, times, options, weights, out.dissipation)
                   : by_steps(flow, start, times, options, weights, out.dissipation);
  for (const State& state : out.states) {
    out.objective.push_back(flow.objective.value(state.w, weights, nullptr));
    out.hamiltonian.push_back(out.objective.back() + flow.kinetic.energy(state.p, weights));
  }
  return out;
}

double largest_stable_curvature(double gamma, double epsilon, double dt) {
  return 2 * (2 - gamma * dt) * epsilon / (dt * dt);
}

}  // namespace starling::muon
