#pragma once
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// A critical point as Newton's method leaves it.
struct Polished {
  Neurons student;
  double gradient_max = 0;  ///< max |∇L|
  double displacement = 0;  ///< largest change of a weight since the start
  std::int64_t steps = 0;
};

/// Newton's method from a student whose gradient is small already, to the critical point that it is near,
/// minimum or saddle; until max |∇L| <= 1e-14 or until a step no longer makes it smaller. Directions in which
/// the Hessian vanishes (below 1e-10 times its largest eigenvalue) are left alone. A step is at most 0.01
/// long in any weight, so that the method does not leave the neighbourhood.
Polished newton(const Landscape& landscape, const Neurons& start, Outgoing outgoing);

}  // namespace starling::students
