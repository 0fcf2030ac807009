#pragma once
#include <vector>

#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

/// The nodes of a system's graph whose variational residual is ∫ x ∂v/∂x + ∫ y ∂v/∂y + ∫ source v, x and y
/// standing for the first and second axis. Integrated by parts -Δu = f has the fluxes u_x and u_y and the
/// source -f; a constant 0 leaves one out. On an interval y is -1.
struct WeakForm {
  int x = -1, y = -1, source = -1;
};

/// An equation against test functions that vanish on the edges of their elements. Of every derivative of
/// order 2 and more one order along the axis that it has most of is moved to them,
///
///     ∫ c ∂w v = -∫ c w ∂v - ∫ (∂c) w v,
///
/// where its coefficient c holds no derivative; terms of order 0 and 1, and those whose c does, stay in the
/// source as they are. The nodes are made in the system's graph. Error{usage} with the line for an equation
/// that is not linear in its derivatives of order 2 and more, and for systems of more than two axes.
WeakForm weak_form(System& system, const Equation& equation);

}  // namespace starling::pinn
