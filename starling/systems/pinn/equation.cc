#include "starling/systems/pinn/equation.h"

#include <algorithm>

#include "starling/systems/pinn/equation_parser.h"

namespace starling::pinn {

double System::degree() const {
  double highest = 0;
  for (const Equation& equation : equations) {
    const double degree = graph.degree(equation.residual);
    if (degree < 0) return Graph::not_polynomial;
    highest = std::max(highest, degree);
  }
  return highest;
}

std::string symbol_name(const System& system, const Symbol& symbol) {
  std::string name = system.unknowns[static_cast<std::size_t>(symbol.unknown)];
  if (symbol.kind == Symbol::Kind::laplacian) return "laplacian(" + name + ")";
  if (symbol.kind == Symbol::Kind::biharmonic) return "biharmonic(" + name + ")";
  if (symbol.order() > 0) name += '_';
  for (std::size_t a = 0; a < system.axes.size(); ++a) {
    for (int i = 0; i < symbol.index[a]; ++i) name += system.axes[a];
  }
  return name;
}

std::vector<int> equation_roots(const System& system) {
  std::vector<int> roots;
  for (const Equation& equation : system.equations) roots.push_back(equation.residual);
  return roots;
}

int System::order() const {
  int highest = 0;
  for (const Equation& equation : equations) highest = std::max(highest, graph.order(equation.residual));
  return highest;
}

System parse_system(std::string_view text, const ParseOptions& options) {
  return Parser(text, options).run();
}

}  // namespace starling::pinn
