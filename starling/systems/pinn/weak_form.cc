#include "starling/systems/pinn/weak_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

// Σ coefficient · symbol over derivatives of order 2 and more, and what is left.
struct Linear {
  std::map<int, int> high{};  // from symbols to nodes
  int rest = -1;
};

class WeakFormReader {
 public:
  WeakFormReader(System& system, int line) : system_(system), graph_(system.graph), line_(line) {}

  WeakForm read(int residual) {
    const Linear parts = split(residual);
    source_ = parts.rest;
    for (const auto& [number, coefficient] : parts.high) {
      const Symbol symbol = graph_.symbols()[static_cast<std::size_t>(number)];
      for (const auto& [index, times] : derivatives_of(symbol))
        move({.unknown = symbol.unknown, .index = index}, product(graph_.constant(times), coefficient));
    }
    return {.x = fluxes_[0], .y = system_.axes.size() == 2 ? fluxes_[1] : -1, .source = source_};
  }

 private:
  int product(int a, int b) { return graph_.binary(Op::multiply, a, b); }
  int sum(int a, int b) { return graph_.binary(Op::add, a, b); }

  Linear split(int node) {
    if (graph_.order(node) < 2) return {.rest = node};
    const Node n = graph_.at(node);  // a copy: nodes are added below
    switch (n.op) {
      case Op::symbol:
        return {.high = {{n.a, graph_.constant(1)}}, .rest = graph_.constant(0)};
      case Op::add:
      case Op::subtract:
        return merged(split(n.a), split(n.b), n.op);
      case Op::negate:
        return mapped(split(n.a), [&](int part) { return graph_.unary(Op::negate, part); });
      case Op::multiply:
        if (graph_.order(n.a) < 2) return mapped(split(n.b), [&](int part) { return product(n.a, part); });
        if (graph_.order(n.b) < 2) return mapped(split(n.a), [&](int part) { return product(n.b, part); });
        fail("in a product with another one");
      case Op::divide:
        if (graph_.order(n.b) < 2)
          return mapped(split(n.a), [&](int part) { return graph_.binary(Op::divide, part, n.b); });
        fail("in a divisor");
      case Op::power:
        fail("in a power");
      default:
        fail("in a function");
    }
  }

  template <class Map>
  static Linear mapped(Linear parts, const Map& map) {
    for (auto& [symbol, coefficient] : parts.high) coefficient = map(coefficient);
    parts.rest = map(parts.rest);
    return parts;
  }

  Linear merged(Linear left, const Linear& right, Op op) {
    for (const auto& [symbol, coefficient] : right.high) {
      const auto [found, fresh] = left.high.try_emplace(symbol, graph_.constant(0));
      found->second = graph_.binary(op, found->second, coefficient);
    }
    left.rest = graph_.binary(op, left.rest, right.rest);
    return left;
  }

  [[noreturn]] void fail(const std::string& where) const {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("points.form: the equation of line {} has a derivative of order 2 or more {}; "
                    "expected an equation that is linear in those, or form = \"collocation\"",
                    line_, where));
  }

  // A collapsed sum by its parts.
  std::vector<std::pair<nets::MultiIndex, double>> derivatives_of(const Symbol& symbol) const {
    if (symbol.kind == Symbol::Kind::derivative) return {{symbol.index, 1}};
    const bool laplacian = symbol.kind == Symbol::Kind::laplacian;
    std::vector<std::pair<nets::MultiIndex, double>> out;
    for (std::size_t a = 0; a < system_.axes.size(); ++a) {
      if (system_.axes[a] == "t") continue;
      nets::MultiIndex index{};
      index[a] = laplacian ? 2 : 4;
      out.emplace_back(index, 1);
      for (std::size_t b = 0; b < a && !laplacian; ++b) {
        if (system_.axes[b] == "t") continue;
        nets::MultiIndex mixed{};
        mixed[a] = mixed[b] = 2;
        out.emplace_back(mixed, 2);
      }
    }
    return out;
  }

  // One term, its highest order moved where that lowers it.
  void move(Symbol symbol, int coefficient) {
    if (graph_.order(coefficient) > 0) {
      source_ = sum(source_, product(coefficient, graph_.symbol(symbol)));
      return;
    }
    const auto most = std::ranges::max_element(symbol.index);
    const auto axis = static_cast<std::size_t>(most - symbol.index.begin());
    --*most;
    const int lower = graph_.symbol(symbol);
    fluxes_[axis] = graph_.binary(Op::subtract, fluxes_[axis], product(coefficient, lower));
    const int varies = graph_.derivative(coefficient, static_cast<int>(axis));
    source_ = graph_.binary(Op::subtract, source_, product(varies, lower));
  }

  System& system_;
  Graph& graph_;
  int line_;
  int source_ = -1;
  std::array<int, 2> fluxes_{graph_.constant(0), graph_.constant(0)};
};

}  // namespace

WeakForm weak_form(System& system, const Equation& equation) {
  if (system.axes.size() > 2)
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("points.form: variational on {} axes ({}); expected one or two",
                                  system.axes.size(), fmt::join(system.axes, ", ")));
  return WeakFormReader(system, equation.line).read(equation.residual);
}

}  // namespace starling::pinn
