#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "starling/nets/jet_streams.h"

namespace starling::pinn {

/// What a residual reads of the network: a derivative of an unknown, or a collapsed sum of them.
struct Symbol {
  enum class Kind : std::uint8_t { derivative, laplacian, biharmonic, sum };
  int unknown = 0;
  Kind kind = Kind::derivative;
  nets::MultiIndex index{};  ///< of a derivative; of a sum that collapse() made, its number and zeros
  int order() const;         ///< not of a sum
  auto operator<=>(const Symbol&) const = default;
};

enum class Op : std::uint8_t {
  constant,
  axis,
  symbol,
  learned,  // leaves
  add,
  subtract,
  multiply,
  divide,
  power,
  negate,
  sin,
  cos,
  tan,
  exp,
  log,
  sqrt,
  abs,
  sign,
  tanh,
  sinh,
  cosh,
  atan,
  erf
};

/// A node of a graph of expressions: `a` and `b` are nodes, or the number of an axis, symbol or coefficient.
struct Node {
  Op op = Op::constant;
  int a = -1, b = -1;
  double value = 0;  ///< of a constant
};

/// Expressions in coordinates, derivatives of unknowns and learned coefficients, with equal parts shared and
/// constants folded. Error{usage} beyond 50,000 nodes or 1,000 levels.
class Graph {
 public:
  int constant(double value);
  int axis(int number) { return make({Op::axis, number}); }
  int learned(int number) { return make({Op::learned, number}); }
  int symbol(const Symbol& symbol);
  int unary(Op op, int a);
  int binary(Op op, int a, int b);

  /// The total derivative along an axis: a derivative of an unknown becomes the next higher one. Error{usage}
  /// above order 4 and for collapsed sums.
  int derivative(int node, int axis);

  const Node& at(int node) const { return nodes_[static_cast<std::size_t>(node)]; }
  const std::vector<Symbol>& symbols() const { return symbols_; }
  bool is_constant(int node) const { return at(node).op == Op::constant; }
  bool is_constant(int node, double value) const { return is_constant(node) && at(node).value == value; }

  static constexpr double not_polynomial = -1;
  /// The degree of a node in the unknowns and their derivatives together; not_polynomial for another
  /// function.
  double degree(int node) const;
  /// Whether a learned coefficient stands in it.
  bool reads_learned(int node) const;
  /// The highest order of a derivative in it, 0 without one.
  int order(int node) const;

 private:
  int make(const Node& node);
  int derivative_of(int node, int axis);

  std::vector<Node> nodes_;
  std::vector<int> depths_;
  std::vector<Symbol> symbols_;
  std::map<std::tuple<Op, int, int, std::uint64_t>, int> known_;
  std::map<std::pair<int, int>, int> derivatives_;  // of (node, axis)
};

/// op(a, b), b unused by a function of one argument.
double apply(Op op, double a, double b);

}  // namespace starling::pinn
