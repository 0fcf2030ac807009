#include "starling/systems/pinn/collapse.h"

#include <algorithm>
#include <bitset>
#include <map>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using nets::MultiIndex;
using Parts = std::vector<nets::StreamPart>;

MultiIndex twice(int axis) {
  MultiIndex index{};
  index[static_cast<std::size_t>(axis)] = 2;
  return index;
}

// One pass from the root down: how often each node counts in the root as a sum, and what is read otherwise.
class Reading {
 public:
  Reading(const Graph& graph, int root)
      : graph_(graph), factor_(size(root)), linear_(size(root)), other_(size(root)) {
    factor_.back() = 1;
    linear_.back() = true;
    for (int i = root; i >= 0; --i) {
      if (linear_[at(i)]) pass_on_sum(i);
      if (other_[at(i)]) pass_on(i);
    }
  }

  bool other(int node) const { return at(node) < other_.size() && other_[at(node)]; }
  bool linear(int node) const { return at(node) < linear_.size() && linear_[at(node)]; }
  double factor(int node) const { return factor_[at(node)]; }
  // Whether a node of the sum is a sum, or a constant times one.
  bool sums(int node) const {
    const Node& n = graph_.at(node);
    if (n.op == Op::add || n.op == Op::subtract || n.op == Op::negate) return true;
    if (n.op == Op::multiply) return graph_.is_constant(n.a) || graph_.is_constant(n.b);
    return n.op == Op::divide && graph_.is_constant(n.b);
  }

 private:
  static std::size_t at(int node) { return static_cast<std::size_t>(node); }
  static std::size_t size(int root) { return at(root) + 1; }

  void add(int node, double factor) {
    factor_[at(node)] += factor;
    linear_[at(node)] = true;
  }
  void pass_on_sum(int i) {
    const Node& node = graph_.at(i);
    const double factor = factor_[at(i)];
    if (!sums(i)) {
      pass_on(i);
    } else if (node.op == Op::add || node.op == Op::subtract) {
      add(node.a, factor);
      add(node.b, node.op == Op::add ? factor : -factor);
    } else if (node.op == Op::negate) {
      add(node.a, -factor);
    } else if (node.op == Op::multiply && graph_.is_constant(node.a)) {
      add(node.b, factor * graph_.at(node.a).value);
    } else {  // times or over a constant
      const double by = graph_.at(node.b).value;
      add(node.a, node.op == Op::multiply ? factor * by : factor / by);
    }
  }
  void pass_on(int i) {
    const Node& node = graph_.at(i);
    if (node.op <= Op::learned) return;
    other_[at(node.a)] = true;
    if (node.b >= 0) other_[at(node.b)] = true;
  }

  const Graph& graph_;
  std::vector<double> factor_;
  std::vector<bool> linear_, other_;
};

// The derivatives that travel for a set of symbols, with the lower ones that each is made of.
class Travelling {
 public:
  void add(const MultiIndex& index, bool itself) {
    for (int code = code_of(index); code > 0; --code) {
      if ((itself || code != code_of(index)) && within(code, index))
        indices_.set(static_cast<std::size_t>(code));
    }
  }
  void add_sum() { ++sums_; }
  std::size_t count() const { return indices_.count() + sums_; }

 private:
  static constexpr int base = nets::highest_order + 1;
  static int code_of(const MultiIndex& index) {
    return index[0] + base * (index[1] + base * (index[2] + base * index[3]));
  }
  static bool within(int code, const MultiIndex& index) {
    for (const int most : index) {
      if (code % base > most) return false;
      code /= base;
    }
    return true;
  }
  std::bitset<std::size_t{base} * base * base * base> indices_;
  std::size_t sums_ = 0;
};

Parts parts_of(const Symbol& symbol, double factor, int space) {
  if (symbol.kind == Symbol::Kind::derivative) return {{factor, symbol.index}};
  Parts parts;
  for (int a = 0; a < space; ++a) parts.push_back({factor, twice(a)});
  return parts;
}

// What one root reads only in its sum, and no other root does, by the unknown.
using Sums = std::map<int, Parts>;
struct Gathered {
  std::vector<Sums> sums;    // of every root
  std::vector<bool> inside;  // of every node: a symbol that stands in a sum
  bool saves = false;
};

Gathered gather(const Graph& graph, const std::vector<Reading>& readings, int last, int space) {
  Gathered out{.sums = std::vector<Sums>(readings.size()),
               .inside = std::vector<bool>(static_cast<std::size_t>(last) + 1)};
  const auto symbol_at = [&](int node) -> const Symbol& {
    return graph.symbols()[static_cast<std::size_t>(graph.at(node).a)];
  };
  std::vector<int> reader(static_cast<std::size_t>(last) + 1, -1);
  constexpr int several = -2;
  for (int i = 0; i <= last; ++i) {
    if (graph.at(i).op != Op::symbol) continue;
    int& only = reader[static_cast<std::size_t>(i)];
    for (std::size_t r = 0; r < readings.size(); ++r) {
      if (readings[r].other(i)) only = several;
      if (readings[r].linear(i)) only = only == -1 ? static_cast<int>(r) : several;
    }
    const Symbol& symbol = symbol_at(i);
    if (symbol.order() == 0 || symbol.kind == Symbol::Kind::biharmonic) only = several;
    if (only < 0) continue;
    const double factor = readings[static_cast<std::size_t>(only)].factor(i);
    Parts& parts = out.sums[static_cast<std::size_t>(only)][symbol.unknown];
    for (const nets::StreamPart& part : parts_of(symbol, factor, space)) parts.push_back(part);
  }
  for (Sums& sums : out.sums) std::erase_if(sums, [](const auto& sum) { return sum.second.size() < 2; });
  Travelling before, after;
  for (int i = 0; i <= last; ++i) {
    if (reader[static_cast<std::size_t>(i)] == -1) continue;
    const Symbol& symbol = symbol_at(i);
    const bool whole = symbol.kind == Symbol::Kind::derivative;
    const int only = reader[static_cast<std::size_t>(i)];
    const bool in_sum = only >= 0 && out.sums[static_cast<std::size_t>(only)].contains(symbol.unknown);
    out.inside[static_cast<std::size_t>(i)] = in_sum;
    for (const nets::StreamPart& part : parts_of(symbol, 1, space)) {
      before.add(part.index, whole);
      after.add(part.index, whole && !in_sum);
    }
    if (!whole) before.add_sum();
    if (!whole && !in_sum) after.add_sum();
  }
  std::vector<Parts> different;
  for (const Sums& sums : out.sums) {
    for (const auto& [unknown, parts] : sums) {
      if (std::find(different.begin(), different.end(), parts) == different.end()) different.push_back(parts);
    }
  }
  for (std::size_t k = 0; k < different.size(); ++k) after.add_sum();
  out.saves = after.count() < before.count();
  return out;
}

// The root without what stands in sums: zeros, which fold away.
int without(Graph& graph, const Reading& reading, const std::vector<bool>& inside, int root) {
  std::vector<int> left(static_cast<std::size_t>(root) + 1);
  for (int i = 0; i <= root; ++i) {
    int& own = left[static_cast<std::size_t>(i)];
    own = i;
    const Node node = graph.at(i);  // a copy: nodes are added below
    if (!reading.linear(i)) continue;
    const auto part = [&](int n) { return reading.linear(n) ? left[static_cast<std::size_t>(n)] : n; };
    if (node.op == Op::symbol && inside[static_cast<std::size_t>(i)]) {
      own = graph.constant(0);
    } else if (node.op == Op::negate) {
      own = graph.unary(Op::negate, part(node.a));
    } else if (reading.sums(i)) {
      own = graph.binary(node.op, part(node.a), part(node.b));
    }
  }
  return left.back();
}

}  // namespace

Collapsed collapse(const Graph& graph, const std::vector<int>& roots, int space) {
  std::vector<Reading> readings;
  for (const int root : roots) readings.emplace_back(graph, root);
  const Gathered gathered = gather(graph, readings, *std::max_element(roots.begin(), roots.end()), space);
  Collapsed whole{graph, roots, {}};
  if (!gathered.saves) return whole;
  try {
    Collapsed out = whole;
    for (std::size_t r = 0; r < roots.size(); ++r) {
      int root = without(out.graph, readings[r], gathered.inside, roots[r]);
      for (const auto& [unknown, parts] : gathered.sums[r]) {
        auto found = std::find(out.sums.begin(), out.sums.end(), parts);
        const auto number = static_cast<std::uint8_t>(found - out.sums.begin());
        if (found == out.sums.end()) out.sums.push_back(parts);
        const int sum = out.graph.symbol({.unknown = unknown, .kind = Symbol::Kind::sum, .index = {number}});
        root = out.graph.binary(Op::add, root, sum);
      }
      out.roots[r] = root;
    }
    return out;
  } catch (const base::Error&) {  // a graph at the limit of its size stays as it is
    return whole;
  }
}

}  // namespace starling::pinn
