#pragma once
#include <functional>
#include <span>
#include <vector>

namespace starling::flows {

struct OdeOptions {
  double rtol = 1e-10;          ///< relative tolerance per step, > 0
  double atol = 1e-12;          ///< absolute tolerance per step, >= 0
  long most_steps = 1'000'000;  ///< between two outputs
};

/// dy/dt = rhs(t, y), written to `rate`.
using Rhs = std::function<void(double t, std::span<const double> y, std::span<double> rate)>;

/// Something that happens at a zero of `value`, and what it does to y; the solver then starts anew from
/// there.
struct OdeEvent {
  std::function<double(std::span<const double> y)> value;
  std::function<void(double t, std::span<double> y)> happen;
};

/// Integrates from t = 0 with SUNDIALS' ARKODE (explicit Runge-Kutta, order 8) and returns y at each of
/// `times`, which must not descend; the solver steps exactly onto each, so that no interpolation error
/// enters. Error{usage} for bad times or tolerances, Error{numerical} with the time reached and the reason
/// when the solver gives up: at a blow-up, soon after the rates stop being finite. Whatever a callback throws
/// reaches the caller.
std::vector<std::vector<double>> integrate(const Rhs& rhs, std::span<const double> y0,
                                           std::span<const double> times, const OdeOptions& options = {},
                                           const OdeEvent& event = {});

}  // namespace starling::flows
