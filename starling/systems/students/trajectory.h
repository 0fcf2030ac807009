#pragma once
#include <span>
#include <vector>

#include "starling/systems/students/landscape.h"

namespace starling::students {

/// One student along its gradient flow.
struct Trajectory {
  std::vector<Neurons> students;  ///< at each time
  std::vector<double> losses;     ///< E[(f - f*)²]
  /// |w_i|² - a_i², (T, n), which the flow of a homogeneous activation (relu, linear) does not change while
  /// the neuron lives; without rows for the others, and with fixed outgoing weights.
  base::Points<double> conserved;
  std::vector<double> died;  ///< when each neuron reached w = 0; infinite for those that did not
};

/// Follows dw/dt = -∂L/∂w, da/dt = -∂L/∂a from t = 0 to each of `times`, which must not descend, by a
/// Runge-Kutta method of order eight. A relu neuron with a < 0 may reach w = 0 in finite time; it is held
/// there from then on. Error{input} as for Landscape::gradient, and for a relu neuron with w = 0 at the
/// start, where it has no gradient; Error{usage} for bad times and tolerances; Error{numerical} when the
/// solver gives up.
Trajectory follow(const Landscape& landscape, const Neurons& start, std::span<const double> times,
                  Outgoing outgoing, double rtol, double atol);

}  // namespace starling::students
