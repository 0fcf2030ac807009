#pragma once
#include <string>
#include <vector>

#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

/// Something in a system that reads well and cannot be meant, with the line that it stands on and a remedy.
struct Remark {
  int line = 1;
  std::string text;
};

/// What makes a problem of a system ill-posed, as far as its text shows: unknowns without an equation, more
/// or fewer equations than unknowns, no condition at all, no value at the first time, two conditions on one
/// side, conditions beyond the domain or on a periodic side, a divisor that vanishes within the domain.
/// `measured` tells that measurements are fitted too, which may stand for conditions. In the order of lines.
std::vector<Remark> remarks_on(const System& system, bool measured);

}  // namespace starling::pinn
