#include "starling/systems/pinn/bound.h"

#include <fmt/format.h>

#include <Eigen/SVD>
#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <optional>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

constexpr double infinite = std::numeric_limits<double>::infinity();

// std::lgamma leaves the sign in a global of the C library, which threads would race for.
double log_gamma(double x) {
  using namespace boost::math::policies;
  using Quiet = policy<domain_error<ignore_error>, pole_error<ignore_error>, overflow_error<ignore_error>>;
  return boost::math::lgamma(x, Quiet());
}

Eigen::VectorXd singular_values(const Points<double>& weight) {
  return Eigen::BDCSVD<Eigen::MatrixXd>(Eigen::MatrixXd(weight)).singularValues();
}

// A polynomial in symbols: for every multiset of them the node of its coefficient.
using Monomials = std::map<std::vector<int>, int>;
constexpr std::size_t most_terms = 4096;

void add_to(Graph& graph, Monomials& sum, const std::vector<int>& key, int node) {
  const auto [found, fresh] = sum.try_emplace(key, node);
  if (!fresh) found->second = graph.binary(Op::add, found->second, node);
  if (graph.is_constant(found->second, 0)) sum.erase(found);
  if (sum.size() > most_terms) throw Error(ErrorKind::usage, "bound: the residual has more than 4096 terms");
}

Monomials product(Graph& graph, const Monomials& a, const Monomials& b) {
  Monomials out;
  for (const auto& [left, x] : a) {
    for (const auto& [right, y] : b) {
      std::vector<int> key = left;
      key.insert(key.end(), right.begin(), right.end());
      std::sort(key.begin(), key.end());
      add_to(graph, out, key, graph.binary(Op::multiply, x, y));
    }
  }
  return out;
}

Monomials expand(Graph& graph, int node) {
  const Node n = graph.at(node);
  if (graph.degree(node) == 0) return {{{}, node}};
  if (n.op == Op::symbol) return {{{n.a}, graph.constant(1)}};
  Monomials a = expand(graph, n.a);
  switch (n.op) {
    case Op::negate:
      for (auto& [key, c] : a) c = graph.unary(Op::negate, c);
      return a;
    case Op::divide:
      for (auto& [key, c] : a) c = graph.binary(Op::divide, c, n.b);
      return a;
    case Op::power: {
      Monomials out{{{}, graph.constant(1)}};
      for (double i = 0; i < graph.at(n.b).value; ++i) out = product(graph, out, a);
      return out;
    }
    default:
      break;
  }
  const Monomials b = expand(graph, n.b);
  if (n.op == Op::multiply) return product(graph, a, b);
  for (const auto& [key, c] : b) add_to(graph, a, key, n.op == Op::add ? c : graph.unary(Op::negate, c));
  return a;
}

// The value with every Taylor coefficient made positive; infinite where that series ends.
double majorant(const Graph& graph, int node, const std::vector<double>& symbols, const System& system) {
  const Node& n = graph.at(node);
  const auto of = [&](int part) { return majorant(graph, part, symbols, system); };
  switch (n.op) {
    case Op::constant:
      return std::abs(n.value);
    case Op::axis:
      return 1;
    case Op::learned:
      return std::abs(system.learned[static_cast<std::size_t>(n.a)].initial);
    case Op::symbol:
      return symbols[static_cast<std::size_t>(n.a)];
    case Op::add:
    case Op::subtract:
      return of(n.a) + of(n.b);
    case Op::multiply:
      return of(n.a) * of(n.b);
    case Op::negate:
      return of(n.a);
    case Op::divide:
      return graph.degree(n.b) == 0 ? of(n.a) / (graph.is_constant(n.b) ? std::abs(graph.at(n.b).value) : 1)
                                    : infinite;
    case Op::power:
      return graph.is_constant(n.b) && graph.at(n.b).value >= 0 &&
                     graph.at(n.b).value == std::floor(graph.at(n.b).value)
                 ? std::pow(of(n.a), graph.at(n.b).value)
                 : infinite;
    case Op::sin:
    case Op::sinh:
      return std::sinh(of(n.a));
    case Op::cos:
    case Op::cosh:
      return std::cosh(of(n.a));
    case Op::exp:
      return std::exp(of(n.a));
    case Op::tan:
    case Op::tanh: {
      const double x = of(n.a);
      return x < std::numbers::pi / 2 ? std::tan(x) : infinite;
    }
    case Op::atan: {
      const double x = of(n.a);
      return x < 1 ? std::atanh(x) : infinite;
    }
    case Op::erf: {  // its series with all signs positive, 2/√π ∫ e^{s²} up to x, by terms x^{2k+1} / (k! (2k
                     // + 1))
      const double x = of(n.a);
      double sum = 0, power = x;
      for (int k = 0; k < 1000 && power > 1e-17 * sum; ++k, power *= x * x / k) sum += power / (2 * k + 1);
      return std::isfinite(power) ? 2 * std::numbers::inv_sqrtpi * sum : infinite;
    }
    default:
      return graph.degree(n.a) == 0 ? 1 : infinite;  // log, sqrt, abs and sign have no series at 0
  }
}

}  // namespace

double kernel_constant_squared(double s, int d) {
  if (d < 1 || !(s > d / 2.0) || !(s < 1e4))
    throw Error(ErrorKind::usage,
                fmt::format("bound: s = {} in {} dimensions; expected s above {}", s, d, d / 2.0));
  return std::exp(-d / 2.0 * std::log(4 * std::numbers::pi) + log_gamma(s - d / 2.0) - log_gamma(s));
}

double trace_constant(double s, int k) {
  return std::exp(-k / 2.0 * std::log(4 * std::numbers::pi) + log_gamma(s) - log_gamma(s + k / 2.0));
}

LayerFactor layer_factor(const Points<double>& weight, double s) {
  if (weight.size() == 0 || !weight.allFinite() || !(s > 0))
    throw Error(ErrorKind::usage, "bound: a weight that is empty or not finite, or s that is not positive");
  LayerFactor factor{.inputs = weight.cols(), .outputs = weight.rows(), .s = s};
  const Eigen::VectorXd sigma = singular_values(weight);
  factor.singular_values.assign(sigma.begin(), sigma.end());
  const double tolerance = sigma[0] * 1e-13 * static_cast<double>(std::max(weight.rows(), weight.cols()));
  factor.rank = (sigma.array() > tolerance).count();
  factor.log_kappa = infinite;
  if (factor.outputs < factor.inputs) {
    factor.note = fmt::format("not injective: {} outputs of {} inputs", factor.outputs, factor.inputs);
    return factor;
  }
  if (factor.rank < factor.inputs) {
    factor.note = fmt::format("rank deficient: rank {} of {}", factor.rank, factor.inputs);
    return factor;
  }
  const int k = static_cast<int>(factor.outputs - factor.inputs);
  factor.log_kappa = 0.5 * std::log(trace_constant(s, k)) + s * std::log(std::max(1.0, sigma[0])) -
                     0.5 * sigma.array().log().sum();
  return factor;
}

std::vector<LayerFactor> network_factors(const std::vector<Points<double>>& weights, double s) {
  std::vector<LayerFactor> factors;
  double now = s;
  for (std::size_t l = 0; l + 1 < weights.size(); ++l) {
    factors.push_back(layer_factor(weights[l], now));
    now += static_cast<double>(std::max<Index>(0, weights[l].rows() - weights[l].cols())) / 2;
  }
  return factors;
}

Complexity residual_complexity(System& system, int residual, double s, double n,
                               const std::vector<double>& norms, const CoefficientSize& size) {
  const bool positive = !norms.empty() && std::all_of(norms.begin(), norms.end(),
                                                      [](double f) { return f >= 0 && std::isfinite(f); });
  if (!positive || !(n >= 1))
    throw Error(
        ErrorKind::usage,
        fmt::format("bound: n = {} and {} norms; expected n of at least 1 and norms that are not negative", n,
                    norms.size()));
  Graph& graph = system.graph;
  const double b = std::sqrt(kernel_constant_squared(s, static_cast<int>(system.axes.size()))),
               root = std::sqrt(n);
  const auto norm_of = [&](const Symbol& symbol) {
    return norms[std::min(static_cast<std::size_t>(symbol.order()), norms.size() - 1)];
  };
  Complexity out{.kernel_constant = b};
  out.polynomial = graph.degree(residual) >= 0;
  if (!out.polynomial) {
    std::vector<double> sizes, zeros(graph.symbols().size(), 0.0), small;
    for (const Symbol& symbol : graph.symbols()) sizes.push_back(b * norm_of(symbol));
    const double rest = majorant(graph, residual, zeros, system);
    if (!std::isfinite(rest)) {  // no power series at u = 0
      out.value = out.linear = infinite;
      return out;
    }
    out.value = (majorant(graph, residual, sizes, system) - rest) / root;
    constexpr double share = 1e-6;  // a slope at 0: the terms of degree 1
    for (const double each : sizes) small.push_back(share * each);
    out.linear = (majorant(graph, residual, small, system) - rest) / share / root;
    return out;
  }
  for (const auto& [key, node] : expand(graph, residual)) {
    if (key.empty()) continue;
    BoundTerm term;
    term.value = 1 / root;
    if (graph.is_constant(node)) {
      term.coefficient = std::abs(graph.at(node).value);
    } else if (size) {
      term.coefficient = size(node);
    } else {
      term.assumed = true;
    }
    term.value *= term.coefficient;
    for (const int symbol : key) {
      term.factors.push_back(graph.symbols()[static_cast<std::size_t>(symbol)]);
      term.value *= b * norm_of(term.factors.back());
    }
    out.value += term.value;
    if (key.size() == 1) out.linear += term.value;
    out.terms.push_back(std::move(term));
  }
  return out;
}

double golowich(const std::vector<Points<double>>& weights, double n) {
  double product = 1;
  for (const auto& weight : weights) product *= weight.norm();
  return (std::sqrt(2 * std::numbers::ln2 * static_cast<double>(weights.size())) + 1) * product /
         std::sqrt(n);
}

double bartlett(const std::vector<Points<double>>& weights, double n) {
  double product = 1, sum = 0;
  for (const auto& weight : weights) {
    const double largest = singular_values(weight)[0];
    product *= largest;
    sum += std::pow(weight.rowwise().norm().sum() / largest, 2.0 / 3);
  }
  return product * std::pow(sum, 1.5) / std::sqrt(n);
}

}  // namespace starling::pinn
