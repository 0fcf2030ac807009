#pragma once
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "starling/systems/pinn/expression.h"

namespace starling::pinn {

/// A coefficient that is found together with the solution.
struct Learned {
  std::string name;
  double initial = 1;
  bool positive = false;
};

/// The box low <= axis <= high along every axis.
struct Box {
  std::vector<double> low, high;
};

/// A residual that is to vanish, and the line that it stands on.
struct Equation {
  int residual = -1;  ///< node of the system's graph
  int line = 1;
};

/// A residual on a part of the boundary (or at a time): the axes that are held, and where else it holds.
struct Condition {
  int residual = -1;
  std::vector<std::optional<double>> held{};  ///< one an axis
  std::vector<int> where{};                   ///< nodes that are all >= 0 there
  int line = 1;
};

/// A name for an expression.
struct Definition {
  std::string name;
  int node = -1;
};

/// A system of equations as it was written.
struct System {
  std::vector<std::string> axes, unknowns;
  std::map<std::string, double> parameters;
  std::vector<Learned> learned;
  Graph graph;
  std::vector<Equation> equations;
  std::vector<Condition> conditions;
  std::vector<Definition> definitions;  ///< by `let`, in the order of the text
  std::vector<Definition> exact;        ///< what the solution is known to be, in the coordinates alone
  std::optional<Box> domain;
  std::vector<Box> holes;
  std::vector<bool> periodic;  ///< one an axis

  double degree() const;  ///< the highest of an equation, Graph::not_polynomial if one is none
  int order() const;
};

/// A symbol as the language writes it: u_xxt, laplacian(u).
std::string symbol_name(const System& system, const Symbol& symbol);

/// The residuals of all equations of a system.
std::vector<int> equation_roots(const System& system);

struct ParseOptions {
  std::string source = "equation";  ///< what errors call the text
  std::vector<std::string>
      axes{};  ///< in the order of the points' columns; those that the text uses if empty
  std::map<std::string, double> parameters{};  ///< set or override `param` and the start of `learn`
};

/// Reads a system, one statement a line or between semicolons, # opens a comment:
///
///     unknowns u, v                 axes x, y, t              param nu = 0.01/pi       learn k init 0.5
///     positive let u = x*(1 - x)*n           u_t + u*u_x - nu*u_xx = 0                          periodic x
///     domain x = -1..1, t = 0..1    hole x = 0..1, y = -1..0  u(x, 0) = sin(pi*x) where x > 0 and x < 1
///     exact u = exp(-t)*sin(pi*x)
///
/// u_xxyy is a derivative, of order 4 at most, also of a name that `let` defines; laplacian(u) and
/// biharmonic(u) sum over the axes but t. Functions: sin cos tan exp log sqrt abs sign tanh sinh cosh atan
/// erf; ^ or ** raises to a power; pi is known. Axes are x, y, z, t unless named. Without `unknowns` they are
/// the names that stand with a derivative, in the order of the text.
///
/// Error{usage} with source, line, column, value, constraint and remedy; text above 64 KiB or nested deeper
/// than 64 is refused.
System parse_system(std::string_view text, const ParseOptions& options = {});

}  // namespace starling::pinn
