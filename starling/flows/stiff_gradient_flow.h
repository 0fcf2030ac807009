#pragma once
#include <cstdint>
#include <functional>
#include <span>

namespace starling::flows {

/// A function L to descend. What each throws reaches the caller.
struct Potential {
  std::function<void(std::span<const double> y, std::span<double> gradient)> gradient;
  std::function<void(std::span<const double> y)> expand;  ///< fixes the point at which `curvature` is taken
  std::function<void(std::span<const double> v, std::span<double> product)> curvature;  ///< ∇²L v
};

struct StiffOptions {
  double rtol = 1e-5, atol = 1e-7;   ///< of a step, > 0
  double gradient_tolerance = 1e-8;  ///< done once max |∇L| is below
  std::int64_t most_steps = 100'000;
};

enum class StiffEnd {
  settled,    ///< max |∇L| < gradient_tolerance
  stopped,    ///< the watcher asked for it
  exhausted,  ///< most_steps were not enough, or no step was small enough
  lost        ///< the gradient was not finite
};

struct StiffState {
  StiffEnd end = StiffEnd::exhausted;
  double time = 0, gradient_max = 0;
  std::int64_t steps = 0;
};

/// What a watcher says after a step: go on, go on from the y that it has changed, or stop.
enum class Watch { go_on, restart, stop };

/// Follows dy/dt = -∇L(y) from `y` until it settles, by SUNDIALS' CVODE: backward differentiation of order 1
/// to 5 with GMRES and exact Hessian-vector products, so that a step costs a few of these however stiff the
/// flow is. `y` ends where the flow did. `watch`, when given, sees y after every step.
StiffState settle(const Potential& potential, std::span<double> y, const StiffOptions& options = {},
                  const std::function<Watch(double t, std::span<double> y)>& watch = {});

}  // namespace starling::flows
