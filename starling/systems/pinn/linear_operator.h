#pragma once
#include <string>
#include <vector>

#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

/// The coefficients of an equation, divided by that of u_t, or of a sign that makes k positive.
struct LinearOperator {
  std::string refused{};                         ///< why the estimates do not hold; empty when they do
  bool evolves = false;                          ///< has u_t
  double scale = 1;                              ///< what the residual was divided by
  std::vector<double> diffusion{}, advection{};  ///< one an axis, 0 for t
  double reaction = 0;
};

/// Reads an equation as an operator on `solution`, the node of an unknown or of a definition (u = x (1 - x)
/// n). Error{usage} for a node that reads no unknown.
LinearOperator linear_operator(System& system, int residual, int solution);

/// What a condition multiplies the solution by, when it gives a value of the solution; 0 otherwise.
double value_factor(System& system, int solution, const Condition& condition);

}  // namespace starling::pinn
