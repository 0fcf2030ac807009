#include "starling/systems/pinn/expression.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

bool is_leaf(Op op) {
  return op <= Op::learned;
}
bool is_binary(Op op) {
  return op >= Op::add && op <= Op::power;
}

}  // namespace

int Symbol::order() const {
  if (kind == Kind::laplacian) return 2;
  return kind == Kind::biharmonic ? 4 : nets::order_of(index);
}

double apply(Op op, double a, double b) {
  switch (op) {
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::power:
      return std::pow(a, b);
    case Op::negate:
      return -a;
    case Op::sin:
      return std::sin(a);
    case Op::cos:
      return std::cos(a);
    case Op::tan:
      return std::tan(a);
    case Op::exp:
      return std::exp(a);
    case Op::log:
      return std::log(a);
    case Op::sqrt:
      return std::sqrt(a);
    case Op::abs:
      return std::abs(a);
    case Op::sign:
      return a > 0 ? 1 : a < 0 ? -1 : 0;
    case Op::tanh:
      return std::tanh(a);
    case Op::sinh:
      return std::sinh(a);
    case Op::cosh:
      return std::cosh(a);
    case Op::atan:
      return std::atan(a);
    case Op::erf:
      return std::erf(a);
    default:
      return 0;
  }
}

int Graph::make(const Node& node) {
  constexpr std::size_t most_nodes = 50000;
  const auto key = std::tuple(node.op, node.a, node.b, std::bit_cast<std::uint64_t>(node.value));
  const auto [found, fresh] = known_.try_emplace(key, static_cast<int>(nodes_.size()));
  if (fresh) {
    if (nodes_.size() >= most_nodes) {
      known_.erase(found);
      throw base::Error(base::ErrorKind::usage, "the expression grows beyond 50,000 operations");
    }
    // What walks the graph recurses this deep.
    constexpr int deepest = 1000;
    const auto depth_of = [&](int part) { return depths_[static_cast<std::size_t>(part)]; };
    int depth = is_leaf(node.op) ? 0 : depth_of(node.a) + 1;
    if (is_binary(node.op)) depth = std::max(depth, depth_of(node.b) + 1);
    if (depth > deepest) {
      known_.erase(found);
      throw base::Error(base::ErrorKind::usage, "the expression is more than 1,000 operations deep");
    }
    depths_.push_back(depth);
    nodes_.push_back(node);
  }
  return found->second;
}

int Graph::constant(double value) {
  return make({Op::constant, -1, -1, value + 0.0});  // no -0
}

int Graph::symbol(const Symbol& symbol) {
  const auto found = std::find(symbols_.begin(), symbols_.end(), symbol);
  const auto number = static_cast<int>(found - symbols_.begin());
  if (found == symbols_.end()) symbols_.push_back(symbol);
  return make({Op::symbol, number});
}

int Graph::unary(Op op, int a) {
  if (is_constant(a)) return constant(apply(op, at(a).value, 0));
  if (op == Op::negate && at(a).op == Op::negate) return at(a).a;
  return make({op, a});
}

int Graph::binary(Op op, int a, int b) {
  if (is_constant(a) && is_constant(b)) return constant(apply(op, at(a).value, at(b).value));
  switch (op) {
    case Op::add:
      if (is_constant(a, 0)) return b;
      if (is_constant(b, 0)) return a;
      break;
    case Op::subtract:
      if (is_constant(a, 0)) return unary(Op::negate, b);
      if (is_constant(b, 0)) return a;
      if (a == b) return constant(0);
      break;
    case Op::multiply:
      if (is_constant(a, 0) || is_constant(b, 0)) return constant(0);
      if (is_constant(a, 1)) return b;
      if (is_constant(b, 1)) return a;
      break;
    case Op::divide:
      if (is_constant(b, 1)) return a;
      if (is_constant(a, 0) && !is_constant(b)) return a;
      break;
    case Op::power:
      if (is_constant(b, 0)) return constant(1);
      if (is_constant(b, 1)) return a;
      break;
    default:
      break;
  }
  if ((op == Op::add || op == Op::multiply) && a > b) std::swap(a, b);
  return make({op, a, b});
}

int Graph::derivative(int node, int axis) {
  const auto key = std::pair(node, axis);
  if (const auto found = derivatives_.find(key); found != derivatives_.end()) return found->second;
  const int result = derivative_of(node, axis);
  derivatives_.emplace(key, result);
  return result;
}

int Graph::derivative_of(int node, int axis) {
  const Node n = at(node);  // a copy: nodes are added below
  const auto times = [&](int left, int right) { return binary(Op::multiply, left, right); };
  if (n.op == Op::axis) return constant(n.a == axis ? 1 : 0);
  if (n.op == Op::constant || n.op == Op::learned) return constant(0);
  if (n.op == Op::symbol) {
    Symbol next = symbols_[static_cast<std::size_t>(n.a)];
    if (next.kind != Symbol::Kind::derivative)
      throw base::Error(base::ErrorKind::usage,
                        "laplacian() and biharmonic() cannot be differentiated further");
    ++next.index[static_cast<std::size_t>(axis)];
    if (next.order() > nets::highest_order)
      throw base::Error(base::ErrorKind::usage, "a derivative of order 5; expected at most 4");
    return symbol(next);
  }
  const int da = derivative(n.a, axis);
  const int db = is_binary(n.op) ? derivative(n.b, axis) : -1;
  switch (n.op) {
    case Op::add:
    case Op::subtract:
      return binary(n.op, da, db);
    case Op::multiply:
      return binary(Op::add, times(da, n.b), times(n.a, db));
    case Op::divide:
      return binary(Op::divide, binary(Op::subtract, da, times(node, db)), n.b);
    case Op::power: {
      if (is_constant(n.b)) {
        const int lower = binary(Op::power, n.a, constant(at(n.b).value - 1));
        return times(times(n.b, lower), da);
      }
      const int rate =
          binary(Op::add, times(db, unary(Op::log, n.a)), binary(Op::divide, times(n.b, da), n.a));
      return times(node, rate);
    }
    case Op::negate:
      return unary(Op::negate, da);
    case Op::sin:
      return times(unary(Op::cos, n.a), da);
    case Op::cos:
      return unary(Op::negate, times(unary(Op::sin, n.a), da));
    case Op::tan:
      return times(binary(Op::add, constant(1), times(node, node)), da);
    case Op::exp:
      return times(node, da);
    case Op::log:
      return binary(Op::divide, da, n.a);
    case Op::sqrt:
      return binary(Op::divide, times(constant(0.5), da), node);
    case Op::abs:
      return times(unary(Op::sign, n.a), da);
    case Op::tanh:
      return times(binary(Op::subtract, constant(1), times(node, node)), da);
    case Op::sinh:
      return times(unary(Op::cosh, n.a), da);
    case Op::cosh:
      return times(unary(Op::sinh, n.a), da);
    case Op::atan:
      return binary(Op::divide, da, binary(Op::add, constant(1), times(n.a, n.a)));
    case Op::erf: {
      const int bell = unary(Op::exp, unary(Op::negate, times(n.a, n.a)));
      return times(times(constant(2 * std::numbers::inv_sqrtpi), bell), da);
    }
    default:
      return constant(0);  // sign, where it is defined
  }
}

// Nodes come after their parts: one pass in the order of their numbers is enough.
double Graph::degree(int node) const {
  std::vector<double> degrees(static_cast<std::size_t>(node) + 1);
  for (std::size_t i = 0; i < degrees.size(); ++i) {
    const Node& n = nodes_[i];
    if (is_leaf(n.op)) {
      degrees[i] = n.op == Op::symbol ? 1 : 0;
      continue;
    }
    const double a = degrees[static_cast<std::size_t>(n.a)];
    const double b = is_binary(n.op) ? degrees[static_cast<std::size_t>(n.b)] : 0;
    const bool unknown = a < 0 || b < 0;
    if (unknown) {
      degrees[i] = not_polynomial;
    } else if (n.op == Op::add || n.op == Op::subtract) {
      degrees[i] = std::max(a, b);
    } else if (n.op == Op::multiply) {
      degrees[i] = a + b;
    } else if (n.op == Op::negate) {
      degrees[i] = a;
    } else if (n.op == Op::divide) {
      degrees[i] = b == 0 ? a : not_polynomial;
    } else if (n.op == Op::power && b == 0 && is_constant(n.b) && at(n.b).value >= 0 &&
               at(n.b).value == std::floor(at(n.b).value)) {
      degrees[i] = a * at(n.b).value;
    } else {
      degrees[i] = a == 0 && b == 0 ? 0 : not_polynomial;
    }
  }
  return degrees.back();
}

bool Graph::reads_learned(int node) const {
  std::vector<bool> reads(static_cast<std::size_t>(node) + 1);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Node& n = nodes_[i];
    reads[i] = n.op == Op::learned ||
               (!is_leaf(n.op) && (reads[static_cast<std::size_t>(n.a)] ||
                                   (is_binary(n.op) && reads[static_cast<std::size_t>(n.b)])));
  }
  return reads.back();
}

int Graph::order(int node) const {
  std::vector<int> orders(static_cast<std::size_t>(node) + 1);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const Node& n = nodes_[i];
    if (n.op == Op::symbol) {
      orders[i] = symbols_[static_cast<std::size_t>(n.a)].order();
    } else if (!is_leaf(n.op)) {
      orders[i] = orders[static_cast<std::size_t>(n.a)];
      if (is_binary(n.op)) orders[i] = std::max(orders[i], orders[static_cast<std::size_t>(n.b)]);
    }
  }
  return orders.back();
}

}  // namespace starling::pinn
