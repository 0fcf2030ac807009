#include "starling/systems/pinn/equation_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "starling/systems/pinn/points.h"

namespace starling::pinn {
namespace {

bool has_no_operands(Op op) {
  return op == Op::constant || op == Op::axis || op == Op::symbol || op == Op::learned;
}

// All nodes below a node, itself included.
void collect(const Graph& graph, int node, std::set<int>& nodes) {
  if (!nodes.insert(node).second || has_no_operands(graph.at(node).op)) return;
  collect(graph, graph.at(node).a, nodes);
  if (graph.at(node).b >= 0) collect(graph, graph.at(node).b, nodes);
}

// The numbers of the symbols that a node reads.
std::set<int> symbols_of(const Graph& graph, int node) {
  std::set<int> nodes;
  collect(graph, node, nodes);
  std::set<int> out;
  for (const int n : nodes) {
    if (graph.at(n).op == Op::symbol) out.insert(graph.at(n).a);
  }
  return out;
}

class Checks {
 public:
  Checks(const System& system, bool measured) : system_(system), measured_(measured) {}

  std::vector<Remark> all() {
    check_counts();
    check_conditions();
    check_pairs();
    check_divisors();
    std::ranges::stable_sort(found_, {}, &Remark::line);
    return found_;
  }

 private:
  template <class... Words>
  void say(int line, fmt::format_string<Words...> text, Words&&... words) {
    found_.push_back({line, fmt::format(text, std::forward<Words>(words)...)});
  }

  const Symbol& at(int symbol) const { return system_.graph.symbols()[static_cast<std::size_t>(symbol)]; }

  void check_counts() {
    std::set<int> used;
    for (const Equation& equation : system_.equations) {
      for (const int symbol : symbols_of(system_.graph, equation.residual)) used.insert(at(symbol).unknown);
    }
    for (std::size_t k = 0; k < system_.unknowns.size(); ++k) {
      if (!used.contains(static_cast<int>(k)))
        say(1, "no equation reads the unknown '{}'; expected one", system_.unknowns[k]);
    }
    if (system_.equations.size() > system_.unknowns.size())
      say(system_.equations.back().line,
          "more equations ({}) than unknowns ({}) may contradict each other; expected as many, or conditions "
          "such as "
          "u(0, t) = 0",
          system_.equations.size(), system_.unknowns.size());
    else if (system_.equations.size() < system_.unknowns.size())
      say(system_.equations.back().line,
          "fewer equations ({}) than unknowns ({}) leave some free; expected as many",
          system_.equations.size(), system_.unknowns.size());
  }

  // Values may be built into a definition that reads an unknown; then nothing is known of what is missing.
  bool built_in() const {
    return std::ranges::any_of(system_.definitions,
                               [&](const Definition& d) { return system_.graph.degree(d.node) != 0; });
  }

  void check_conditions() {
    for (const Condition& condition : system_.conditions) {
      for (std::size_t a = 0; a < system_.axes.size(); ++a) {
        if (!condition.held[a] || !system_.domain) continue;
        const double place = *condition.held[a], low = system_.domain->low[a], high = system_.domain->high[a];
        if (place < low || place > high)
          say(condition.line, "the condition holds at {0} = {1:g}, outside the domain {0} = {2:g}..{3:g}",
              system_.axes[a], place, low, high);
        else if (system_.periodic[a] && (place == low || place == high) && system_.axes.size() > 1)
          say(condition.line,
              "a condition at {0} = {1:g}, where the solution is periodic; leave out one of both",
              system_.axes[a], place);
      }
    }
    if (built_in() || measured_ || system_.order() == 0) return;
    if (system_.conditions.empty()) {
      say(system_.equations.front().line,
          "no condition: any solution of the equation will do; expected for example {}({}) = 0",
          system_.unknowns.front(), sample_place());
      return;
    }
    check_start();
  }

  std::string sample_place() const {
    std::string out;
    for (std::size_t a = 0; a < system_.axes.size(); ++a)
      out += (a > 0 ? ", " : "") +
             (a == 0 ? fmt::format("{:g}", system_.domain ? system_.domain->low[0] : 0) : system_.axes[a]);
    return out;
  }

  // An unknown whose derivative in t stands in an equation needs a value at one time.
  void check_start() {
    const auto t = std::ranges::find(system_.axes, "t");
    if (t == system_.axes.end()) return;
    const auto axis = static_cast<std::size_t>(t - system_.axes.begin());
    std::set<int> moving, started;
    for (const Equation& equation : system_.equations) {
      for (const int number : symbols_of(system_.graph, equation.residual)) {
        const Symbol& symbol = at(number);
        if (symbol.kind == Symbol::Kind::derivative && symbol.index[axis] > 0) moving.insert(symbol.unknown);
      }
    }
    for (const Condition& condition : system_.conditions) {
      if (!condition.held[axis]) continue;
      for (const int symbol : symbols_of(system_.graph, condition.residual))
        started.insert(at(symbol).unknown);
    }
    for (const int unknown : moving) {
      if (!started.contains(unknown) && !system_.periodic[axis])
        say(system_.equations.front().line, "no condition gives '{}' at any time t; expected its start",
            system_.unknowns[static_cast<std::size_t>(unknown)]);
    }
  }

  void check_pairs() {
    for (std::size_t i = 0; i < system_.conditions.size(); ++i) {
      const Condition& first = system_.conditions[i];
      for (std::size_t j = i + 1; j < system_.conditions.size(); ++j) {
        const Condition& second = system_.conditions[j];
        if (first.held != second.held || !first.where.empty() || !second.where.empty()) continue;
        const std::set<int> read = symbols_of(system_.graph, first.residual);
        if (read.size() == 1 && read == symbols_of(system_.graph, second.residual))
          say(second.line, "a second condition on what line {} gives already; leave out one", first.line);
      }
    }
  }

  // Divisors of coordinates alone, on a grid: a zero, or a change of sign between neighbours.
  void check_divisors() {
    if (!system_.domain) return;
    for (const Equation& equation : system_.equations) {
      std::set<int> nodes;
      collect(system_.graph, equation.residual, nodes);
      for (const int node : nodes) {
        const Node& n = system_.graph.at(node);
        if (n.op != Op::divide || system_.graph.is_constant(n.b) || system_.graph.degree(n.b) != 0 ||
            system_.graph.reads_learned(n.b))
          continue;
        if (const auto place = zero_of(n.b))
          say(equation.line, "a divisor vanishes within the domain, near {}; expected one that does not",
              *place);
      }
    }
  }

  std::optional<std::string> zero_of(int node) const {
    const std::size_t axes = system_.axes.size();
    const std::vector<double> points = grid_points(system_, axes <= 2 ? 33 : 9);
    const std::vector<double> values = evaluate(system_, {node}, points);
    std::size_t least = 0;
    bool positive = false, negative = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::abs(values[i]) < std::abs(values[least])) least = i;
      positive = positive || values[i] > 0;
      negative = negative || values[i] < 0;
    }
    if (values.empty() || (values[least] != 0 && !(positive && negative))) return std::nullopt;
    std::string out;
    for (std::size_t a = 0; a < axes; ++a)
      out += fmt::format("{}{} = {:g}", a > 0 ? ", " : "", system_.axes[a], points[least * axes + a]);
    return out;
  }

  const System& system_;
  bool measured_;
  std::vector<Remark> found_;
};

}  // namespace

std::vector<Remark> remarks_on(const System& system, bool measured) {
  return Checks(system, measured).all();
}

}  // namespace starling::pinn
