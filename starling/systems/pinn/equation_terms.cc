// Expressions: sums of products of powers of names, numbers, functions and parentheses.
#include <algorithm>
#include <numbers>

#include "starling/base/error.h"
#include "starling/systems/pinn/equation_parser.h"

namespace starling::pinn {
namespace {

using Kind = Token::Kind;

}  // namespace

const std::map<std::string, Op>& language_functions() {
  static const std::map<std::string, Op> table{
      {"sin", Op::sin},   {"cos", Op::cos},   {"tan", Op::tan},   {"exp", Op::exp},   {"log", Op::log},
      {"sqrt", Op::sqrt}, {"abs", Op::abs},   {"sign", Op::sign}, {"tanh", Op::tanh}, {"sinh", Op::sinh},
      {"cosh", Op::cosh}, {"atan", Op::atan}, {"erf", Op::erf}};
  return table;
}

int Parser::expression(int depth) {
  constexpr int deepest = 64;
  if (depth > deepest) fail(peek(), "nested deeper than 64");
  int left = term(depth);
  while (is_mark("+") || is_mark("-")) {
    const Token mark = take();
    const int right = term(depth);
    left = guarded(
        mark, [&] { return system_.graph.binary(mark.text == "+" ? Op::add : Op::subtract, left, right); });
  }
  return left;
}

int Parser::term(int depth) {
  int left = factor(depth);
  while (is_mark("*") || is_mark("/")) {
    const Token mark = take();
    const int right = factor(depth);
    if (mark.text == "/" && system_.graph.is_constant(right, 0)) fail(mark, "division by zero");
    left = guarded(mark, [&] {
      return system_.graph.binary(mark.text == "*" ? Op::multiply : Op::divide, left, right);
    });
  }
  return left;
}

// Signs bind weaker than powers: -x^2 is -(x^2), and 2^-1 is a half.
int Parser::factor(int depth) {
  if (is_mark("-") || is_mark("+")) {
    const Token mark = take();
    if (depth > 64) fail(mark, "nested deeper than 64");
    const int inner = factor(depth + 1);
    return mark.text == "-" ? guarded(mark, [&] { return system_.graph.unary(Op::negate, inner); }) : inner;
  }
  const int base = primary(depth);
  if (!is_mark("^")) return base;
  const Token mark = take();
  const int exponent = factor(depth + 1);
  if (system_.graph.is_constant(base, 0) && system_.graph.is_constant(exponent) &&
      system_.graph.at(exponent).value < 0)
    fail(mark, "division by zero");
  return guarded(mark, [&] { return system_.graph.binary(Op::power, base, exponent); });
}

int Parser::primary(int depth) {
  const Token token = take();
  if (depth > 64) fail(token, "nested deeper than 64");
  if (token.kind == Kind::number) return system_.graph.constant(token.value);
  if (token.kind == Kind::mark && token.text == "(") {
    const int inner = expression(depth + 1);
    if (!is_mark(")"))
      fail(peek(),
           fmt::format("{}; expected ')' for the '(' of {}:{}", shown(peek()), token.line, token.column));
    take();
    return inner;
  }
  if (token.kind != Kind::name)
    fail(token, fmt::format("{}; expected a number, a name or '('", shown(token)));
  const auto function = language_functions().find(token.text);
  const bool collapsed = token.text == "laplacian" || token.text == "biharmonic";
  if (function == language_functions().end() && !collapsed) return named(token);
  if (!is_mark("("))
    fail(peek(), fmt::format("{}; expected '(' after the function '{}'", shown(peek()), token.text));
  take();
  if (collapsed) return operator_on_unknown(token);
  const int argument = expression(depth + 1);
  expect(")");
  return guarded(token, [&] { return system_.graph.unary(function->second, argument); });
}

int Parser::operator_on_unknown(const Token& token) {
  const Token name = take();
  expect(")");
  std::vector<int> space;
  for (std::size_t a = 0; a < system_.axes.size(); ++a) {
    if (system_.axes[a] != "t") space.push_back(static_cast<int>(a));
  }
  Graph& graph = system_.graph;
  const int times = token.text == "laplacian" ? 1 : 2;
  // One stream where the axes of space come first; a sum of derivatives where they do not, or of a
  // definition.
  const auto unknown = std::find(system_.unknowns.begin(), system_.unknowns.end(), name.text);
  const bool leading = !space.empty() && space.back() + 1 == static_cast<int>(space.size());
  if (unknown != system_.unknowns.end() && leading && !definitions_.contains(name.text)) {
    return graph.symbol({static_cast<int>(unknown - system_.unknowns.begin()),
                         times == 1 ? Symbol::Kind::laplacian : Symbol::Kind::biharmonic});
  }
  int node = named(name);
  for (int round = 0; round < times; ++round) {
    node = guarded(token, [&] {
      int sum = graph.constant(0);
      for (const int axis : space)
        sum = graph.binary(Op::add, sum, graph.derivative(graph.derivative(node, axis), axis));
      return sum;
    });
  }
  return node;
}

std::string Parser::listed_unknowns() const {
  std::string list = system_.unknowns.front();
  for (std::size_t i = 1; i < system_.unknowns.size(); ++i) list += ", " + system_.unknowns[i];
  return list;
}

std::optional<int> Parser::learned_number(const std::string& name) const {
  for (std::size_t i = 0; i < system_.learned.size(); ++i) {
    if (system_.learned[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

// Whether the name, or what stands before its _, is an unknown or a definition.
bool Parser::unknown_of(const std::string& name) const {
  const std::string base = name.substr(0, name.find('_'));
  return definitions_.contains(base) ||
         std::find(system_.unknowns.begin(), system_.unknowns.end(), base) != system_.unknowns.end();
}

int Parser::named(const Token& token) {
  Graph& graph = system_.graph;
  if (const auto found = system_.parameters.find(token.text); found != system_.parameters.end())
    return graph.constant(found->second);
  if (const auto number = learned_number(token.text)) return graph.learned(*number);
  const auto axis = std::find(system_.axes.begin(), system_.axes.end(), token.text);
  if (axis != system_.axes.end()) return graph.axis(static_cast<int>(axis - system_.axes.begin()));
  if (unknown_of(token.text)) return derivative_named(token);
  if (token.text == "pi") return graph.constant(std::numbers::pi);
  std::vector<std::string> names = system_.unknowns;
  names.insert(names.end(), system_.axes.begin(), system_.axes.end());
  for (const auto& [name, value] : system_.parameters) names.push_back(name);
  for (const Learned& coefficient : system_.learned) names.push_back(coefficient.name);
  for (const auto& [name, node] : definitions_) names.push_back(name);
  names.emplace_back("pi");
  for (const auto& [name, op] : language_functions()) names.push_back(name);
  fail(token, fmt::format("unknown name '{}'{}", token.text, base::suggestion(token.text, names)));
}

int Parser::derivative_named(const Token& token) {
  Graph& graph = system_.graph;
  const std::size_t bar = token.text.find('_');
  const std::string base = token.text.substr(0, bar);
  const auto defined = definitions_.find(base);
  int node =
      defined != definitions_.end()
          ? defined->second
          : graph.symbol({static_cast<int>(std::find(system_.unknowns.begin(), system_.unknowns.end(), base) -
                                           system_.unknowns.begin())});
  if (bar == std::string::npos) return node;
  const std::string suffix = token.text.substr(bar + 1);
  if (suffix.empty())
    fail(token, fmt::format("'{}' ends in _; expected axes after it, as in {}_{}", token.text, base,
                            system_.axes.front()));
  if (suffix.size() > nets::highest_order)
    fail(token,
         fmt::format("'{}' is a derivative of order {}; expected at most 4", token.text, suffix.size()));
  for (const char letter : suffix) {
    Token axis = token;
    axis.text = std::string(1, letter);
    const auto found = std::find(system_.axes.begin(), system_.axes.end(), axis.text);
    if (found == system_.axes.end())
      fail(token, fmt::format("no axis '{}' in '{}'; the axes are {}", letter, token.text,
                              fmt::join(system_.axes, ", ")));
    node = guarded(token,
                   [&] { return graph.derivative(node, static_cast<int>(found - system_.axes.begin())); });
  }
  return node;
}

}  // namespace starling::pinn
