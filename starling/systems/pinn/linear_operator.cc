#include "starling/systems/pinn/linear_operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// The nodes that an equation may be linear in: u, u_i and u_ii, and the sum of u_ii over space.
struct Atoms {
  int value = -1;
  std::vector<int> first{}, second{};
  int laplacian = -1;
};

Atoms atoms_of(System& system, int solution) {
  Atoms atoms{.value = solution};
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    atoms.first.push_back(system.graph.derivative(solution, static_cast<int>(axis)));
    atoms.second.push_back(system.graph.derivative(atoms.first.back(), static_cast<int>(axis)));
  }
  const Node& node = system.graph.at(solution);
  if (node.op == Op::symbol) {
    const int unknown = system.graph.symbols()[static_cast<std::size_t>(node.a)].unknown;
    atoms.laplacian = system.graph.symbol({.unknown = unknown, .kind = Symbol::Kind::laplacian});
  }
  return atoms;
}

// Adds up the coefficients of the atoms of an expression; what is left reads coordinates alone.
class Reader {
 public:
  Reader(const System& system, const Atoms& atoms) : graph_(system.graph) {
    known_.insert(atoms.value);
    known_.insert(atoms.first.begin(), atoms.first.end());
    known_.insert(atoms.second.begin(), atoms.second.end());
    if (atoms.laplacian >= 0) known_.insert(atoms.laplacian);
  }

  /// False, with a reason, where the expression is not linear with constant coefficients.
  bool read(int node, double factor) {
    if (known_.contains(node)) {
      found_[node] += factor;
      return true;
    }
    if (reads_no_unknown(node)) return true;
    const Node& at = graph_.at(node);
    switch (at.op) {
      case Op::add:
        return read(at.a, factor) && read(at.b, factor);
      case Op::subtract:
        return read(at.a, factor) && read(at.b, -factor);
      case Op::negate:
        return read(at.a, -factor);
      case Op::multiply:
        if (graph_.is_constant(at.a)) return read(at.b, factor * graph_.at(at.a).value);
        if (graph_.is_constant(at.b)) return read(at.a, factor * graph_.at(at.b).value);
        break;
      case Op::divide:
        if (graph_.is_constant(at.b)) return read(at.a, factor / graph_.at(at.b).value);
        break;
      case Op::symbol:
        reason_ = "it reads a derivative other than u, its first and its unmixed second ones";
        return false;
      default:
        break;
    }
    reason_ = "it is not linear with constant coefficients";
    return false;
  }

  double at(int node) const {
    const auto found = found_.find(node);
    return found == found_.end() ? 0 : found->second;
  }
  const std::string& reason() const { return reason_; }

 private:
  bool reads_no_unknown(int node) const { return graph_.degree(node) == 0 && !graph_.reads_learned(node); }

  const Graph& graph_;
  std::set<int> known_;
  std::map<int, double> found_;
  std::string reason_;
};

LinearOperator refused(std::string reason) {
  return {.refused = std::move(reason)};
}

}  // namespace

LinearOperator linear_operator(System& system, int residual, int solution) {
  if (system.graph.degree(solution) == 0)
    throw Error(ErrorKind::usage, "certificate: the solution reads no unknown of the network");
  const Atoms atoms = atoms_of(system, solution);
  Reader reader(system, atoms);
  if (!reader.read(residual, 1)) return refused("the equation: " + reader.reason());
  LinearOperator by{.reaction = reader.at(atoms.value)};
  const double space = atoms.laplacian >= 0 ? reader.at(atoms.laplacian) : 0;
  double rate = 0;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    const bool time = system.axes[axis] == "t";
    const double first = reader.at(atoms.first[axis]), second = reader.at(atoms.second[axis]);
    if (time && second != 0) return refused("the equation: it has a second derivative in time");
    if (time) rate = first;
    by.advection.push_back(time ? 0 : first);
    by.diffusion.push_back(time ? 0 : -(second + space));
  }
  const auto leading =
      std::find_if(by.diffusion.begin(), by.diffusion.end(), [](double k) { return k != 0; });
  if (leading == by.diffusion.end()) return refused("the equation: it has no second derivative in space");
  by.evolves = rate != 0;
  const bool has_time = std::find(system.axes.begin(), system.axes.end(), "t") != system.axes.end();
  if (has_time && !by.evolves) return refused("the equation: it reads t, but no u_t");
  by.scale = by.evolves ? rate : *leading > 0 ? 1 : -1;
  by.reaction /= by.scale;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    by.diffusion[axis] /= by.scale;
    by.advection[axis] /= by.scale;
    if (system.axes[axis] != "t" && !(by.diffusion[axis] > 0))
      return refused(fmt::format("the equation: it does not diffuse along {}", system.axes[axis]));
  }
  if (by.reaction < 0)
    return refused("the equation: its term in u makes it grow, and the estimates need decay");
  return by;
}

double value_factor(System& system, int solution, const Condition& condition) {
  const Atoms atoms = atoms_of(system, solution);
  Reader reader(system, atoms);
  if (!condition.where.empty() || !reader.read(condition.residual, 1)) return 0;
  for (std::size_t axis = 0; axis < atoms.first.size(); ++axis) {
    if (reader.at(atoms.first[axis]) != 0 || reader.at(atoms.second[axis]) != 0) return 0;
  }
  return atoms.laplacian >= 0 && reader.at(atoms.laplacian) != 0 ? 0 : reader.at(atoms.value);
}

}  // namespace starling::pinn
