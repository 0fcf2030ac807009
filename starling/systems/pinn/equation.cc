#include "starling/systems/pinn/equation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>

#include "starling/base/error.h"
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

namespace {

using Kind = Token::Kind;

const std::array<std::string, 8> keywords{"unknowns", "axes",   "param", "learn",
                                          "let",      "domain", "hole",  "periodic"};
const std::array<std::string, 4> usual_axes{"x", "y", "z", "t"};

const std::map<std::string, Op>& functions() {
  static const std::map<std::string, Op> table{{"sin", Op::sin},   {"cos", Op::cos},   {"tan", Op::tan},
                                               {"exp", Op::exp},   {"log", Op::log},   {"sqrt", Op::sqrt},
                                               {"abs", Op::abs},   {"sign", Op::sign}, {"tanh", Op::tanh},
                                               {"sinh", Op::sinh}, {"cosh", Op::cosh}, {"atan", Op::atan}};
  return table;
}

}  // namespace

Parser::Parser(std::string_view text, const ParseOptions& options)
    : options_(options), tokens_(tokenize(text, options.source)) {
  constexpr std::size_t most = 64;
  system_.parameters = options.parameters;
  if (options.parameters.size() > most || options.axes.size() > nets::most_axes)
    fail(tokens_.front(), "expected at most 4 axes and 64 parameters");
  for (const auto& [name, value] : options.parameters) {
    if (!std::isfinite(value))
      fail(tokens_.front(), fmt::format("parameter {} = {}; expected a finite number", name, value));
  }
  find_names();
}

void Parser::fail(const Token& token, const std::string& message) const {
  fail_at(options_.source, token, message);
}

System Parser::run() {
  while (at_ + 1 < tokens_.size() || peek().kind != Kind::end) {
    statement();
    if (peek().kind != Kind::end)
      fail(peek(), fmt::format("'{}' is left over; expected the end of the statement", peek().text));
    if (at_ + 1 >= tokens_.size()) break;
    ++at_;
  }
  if (system_.equations.empty()) fail(tokens_.front(), "no equation; expected for example u_t = u_xx");
  return std::move(system_);
}

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}
Token Parser::take() {
  const Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}
bool Parser::is_mark(std::string_view mark, std::size_t ahead) const {
  return peek(ahead).kind == Kind::mark && peek(ahead).text == mark;
}
bool Parser::is_name(std::string_view name) const {
  return peek().kind == Kind::name && peek().text == name;
}
void Parser::expect(std::string_view mark) {
  if (!is_mark(mark)) fail(peek(), fmt::format("{}; expected '{}'", shown(peek()), mark));
  take();
}
std::string Parser::shown(const Token& token) const {
  return token.kind == Kind::end ? "the statement ends" : fmt::format("'{}'", token.text.substr(0, 64));
}

Token Parser::take_new_name(const char* what) {
  const Token token = take();
  if (token.kind != Kind::name) fail(token, fmt::format("{}; expected a name of {}", shown(token), what));
  if (token.text.find('_') != std::string::npos && std::string_view(what) != "a parameter" &&
      std::string_view(what) != "a coefficient")
    fail(token, fmt::format("the name '{}' has a _, which opens a derivative; expected letters and digits",
                            token.text));
  const bool reserved = functions().contains(token.text) || token.text == "pi" ||
                        std::find(keywords.begin(), keywords.end(), token.text) != keywords.end();
  if (reserved)
    fail(token, fmt::format("the name '{}' is taken by the language; choose another", token.text));
  return token;
}

// Names that are declared, and those that are plain from the text: a name with a derivative is an unknown,
// and x, y, z and t are axes.
void Parser::find_names() {
  std::set<std::string> declared;
  for (const auto& [name, value] : options_.parameters) declared.insert(name);
  bool axes_known = !options_.axes.empty();
  system_.axes = options_.axes;
  for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
    const bool opens = i == 0 || tokens_[i - 1].kind == Kind::end;
    if (!opens || tokens_[i].kind != Kind::name) continue;
    at_ = i;
    const std::string& word = tokens_[i].text;
    if (word == "param" || word == "learn" || word == "let") declared.insert(tokens_[i + 1].text);
    if (word == "unknowns") read_names(system_.unknowns, "an unknown", 16);
    if (word == "axes") {
      std::vector<std::string> named;
      read_names(named, "an axis", nets::most_axes);
      for (const std::string& name : named) {
        if (name.size() != 1) fail(tokens_[i], fmt::format("axis '{}'; expected one letter", name));
      }
      if (axes_known && named != system_.axes) fail(tokens_[i], "axes are named already, and otherwise");
      system_.axes = named;
      axes_known = true;
    }
  }
  at_ = 0;
  const bool unknowns_known = !system_.unknowns.empty();
  std::set<char> used;
  for (const Token& token : tokens_) {
    if (token.kind != Kind::name || declared.contains(token.text)) continue;
    const std::size_t bar = token.text.find('_');
    const std::string base = token.text.substr(0, bar),
                      suffix = bar == std::string::npos ? "" : token.text.substr(bar + 1);
    const bool is_derivative = !suffix.empty() && std::all_of(suffix.begin(), suffix.end(), [&](char c) {
      const std::string letter(1, c);
      const auto& known =
          axes_known ? system_.axes : std::vector<std::string>(usual_axes.begin(), usual_axes.end());
      return std::find(known.begin(), known.end(), letter) != known.end();
    });
    if (token.text.size() == 1) used.insert(token.text[0]);
    if (is_derivative) used.insert(suffix.begin(), suffix.end());
    const bool fresh =
        is_derivative && !unknowns_known && !declared.contains(base) &&
        std::find(system_.unknowns.begin(), system_.unknowns.end(), base) == system_.unknowns.end();
    if (fresh && system_.unknowns.size() < 16) system_.unknowns.push_back(base);
  }
  if (system_.unknowns.empty()) system_.unknowns.emplace_back("u");
  if (!axes_known) {
    for (const std::string& axis : usual_axes) {
      if (used.contains(axis[0])) system_.axes.push_back(axis);
    }
    if (system_.axes.empty()) system_.axes.emplace_back("x");
  }
  system_.periodic.assign(system_.axes.size(), false);
}

void Parser::read_names(std::vector<std::string>& names, const char* what, std::size_t most) {
  take();  // the keyword
  do {
    const Token name = take_new_name(what);
    if (std::find(names.begin(), names.end(), name.text) != names.end())
      fail(name, fmt::format("'{}' is named twice", name.text));
    if (names.size() >= most) fail(name, fmt::format("more than {} names", most));
    names.push_back(name.text);
  } while (is_mark(",") && (take(), true));
}

std::size_t Parser::axis_number(const Token& token) const {
  const auto found = std::find(system_.axes.begin(), system_.axes.end(), token.text);
  if (found == system_.axes.end())
    fail(token,
         fmt::format("no axis '{}'{}", token.text.substr(0, 64), base::suggestion(token.text, system_.axes)));
  return static_cast<std::size_t>(found - system_.axes.begin());
}

double Parser::take_constant(const char* what) {
  const Token start = peek();
  const int node = expression(0);
  if (!system_.graph.is_constant(node))
    fail(start, fmt::format("{} must be a number, free of unknowns and axes", what));
  return system_.graph.at(node).value;
}

Box Parser::take_box() {
  take();  // the keyword
  const double open = std::numeric_limits<double>::infinity();
  Box box{std::vector<double>(system_.axes.size(), -open), std::vector<double>(system_.axes.size(), open)};
  do {
    const Token name = take();
    const std::size_t axis = axis_number(name);
    expect("=");
    box.low[axis] = take_constant("the end of a range");
    expect("..");
    box.high[axis] = take_constant("the end of a range");
    if (!(box.low[axis] < box.high[axis]))
      fail(name, fmt::format("{} = {}..{}; expected the lower end first", name.text, box.low[axis],
                             box.high[axis]));
  } while (is_mark(",") && (take(), true));
  return box;
}

void Parser::statement() {
  const Token first = peek();
  const bool word = first.kind == Kind::name && !is_mark("=", 1);
  if (word && (first.text == "unknowns" || first.text == "axes")) {
    std::vector<std::string> names;
    return read_names(names, "an unknown", 16);  // known since find_names
  }
  if (word && first.text == "param") return parameter();
  if (word && first.text == "learn") return learned();
  if (word && first.text == "let") return definition();
  if (word && first.text == "hole") {
    if (system_.holes.size() >= 64) fail(first, "more than 64 holes");
    system_.holes.push_back(take_box());
    return;
  }
  if (word && first.text == "periodic") {
    std::vector<std::string> names;
    read_names(names, "an axis", nets::most_axes);
    for (const std::string& name : names) {
      Token named = first;
      named.text = name;
      system_.periodic[axis_number(named)] = true;
    }
    return;
  }
  if (word && first.text == "domain") {
    if (system_.domain) fail(first, "a second domain; expected one");
    system_.domain = take_box();
    for (std::size_t a = 0; a < system_.axes.size(); ++a) {
      if (std::isinf(system_.domain->low[a]))
        fail(first, fmt::format("the domain has no range of {}; expected {} = low..high", system_.axes[a],
                                system_.axes[a]));
    }
    return;
  }
  if (word && is_mark("(", 1) && unknown_of(first.text) && !functions().contains(first.text))
    return condition();
  equation();
}

void Parser::parameter() {
  take();
  const Token name = take_new_name("a parameter");
  double value = 0;
  if (is_mark("=")) {
    take();
    value = take_constant("a parameter");
    system_.parameters.try_emplace(name.text, value);  // what the caller gives wins
  }
  if (!system_.parameters.contains(name.text))
    fail(name, fmt::format("parameter '{}' has no value; expected param {} = number", name.text, name.text));
}

void Parser::learned() {
  take();
  const Token name = take_new_name("a coefficient");
  Learned coefficient{.name = name.text};
  if (is_name("init")) {
    take();
    coefficient.initial = take_constant("the start of a coefficient");
  }
  if (is_name("positive")) {
    take();
    coefficient.positive = true;
  }
  if (const auto given = options_.parameters.find(name.text); given != options_.parameters.end()) {
    coefficient.initial = given->second;
    system_.parameters.erase(name.text);
  }
  if (coefficient.positive && !(coefficient.initial > 0))
    fail(name, fmt::format("'{}' starts at {}; expected a positive number", name.text, coefficient.initial));
  for (const Learned& other : system_.learned) {
    if (other.name == name.text) fail(name, fmt::format("'{}' is named twice", name.text));
  }
  if (system_.learned.size() >= 64) fail(name, "more than 64 coefficients");
  system_.learned.push_back(std::move(coefficient));
}

void Parser::definition() {
  take();
  const Token name = take_new_name("a definition");
  if (definitions_.contains(name.text)) fail(name, fmt::format("'{}' is named twice", name.text));
  expect("=");
  const int node = expression(0);
  if (definitions_.size() >= 64) fail(name, "more than 64 definitions");
  definitions_.emplace(name.text, node);
}

void Parser::equation() {
  const Token first = peek();
  int node = expression(0);
  if (is_mark("=")) {
    const Token mark = take();
    const int right = expression(0);
    node = guarded(mark, [&] { return system_.graph.binary(Op::subtract, node, right); });
  } else if (peek().kind != Kind::end) {
    fail(peek(), fmt::format("{}; expected an operator, '=' or the end of the statement", shown(peek())));
  }
  if (system_.graph.degree(node) == 0)
    fail(first, "no unknown in this equation; expected " + listed_unknowns());
  if (system_.equations.size() >= 64) fail(first, "more than 64 equations");
  system_.equations.push_back({node, first.line});
}

// name(x, 0) = expression, and where it holds.
void Parser::condition() {
  const Token first = take();
  const int left = derivative_named(first);
  expect("(");
  Condition made{.held = std::vector<std::optional<double>>(system_.axes.size()), .line = first.line};
  for (std::size_t a = 0; a < system_.axes.size(); ++a) {
    if (a > 0) expect(",");
    if (peek().kind == Kind::name && peek().text == system_.axes[a] && (is_mark(",", 1) || is_mark(")", 1))) {
      take();
      continue;
    }
    const Token start = peek();
    const int node = expression(0);
    if (!system_.graph.is_constant(node))
      fail(start, fmt::format("argument {} of '{}' must be the axis {} or a number", a + 1, first.text,
                              system_.axes[a]));
    made.held[a] = system_.graph.at(node).value;
  }
  if (!is_mark(")"))
    fail(peek(), fmt::format("{}; expected ')' after one argument for each of the axes", shown(peek())));
  take();
  const Token mark = peek();
  expect("=");
  const int right = expression(0);
  made.residual = guarded(mark, [&] { return system_.graph.binary(Op::subtract, left, right); });
  if (is_name("where")) {
    do {
      take();
      made.where.push_back(relation());
    } while (is_name("and") && made.where.size() < 16);
  }
  if (system_.conditions.size() >= 256) fail(first, "more than 256 conditions");
  system_.conditions.push_back(std::move(made));
}

int Parser::relation() {
  const int left = expression(0);
  const Token mark = take();
  const bool less = mark.text == "<" || mark.text == "<=", more = mark.text == ">" || mark.text == ">=";
  if (mark.kind != Kind::mark || !(less || more)) fail(mark, fmt::format("{}; expected < or >", shown(mark)));
  const int right = expression(0);
  const int node = guarded(mark, [&] {
    return less ? system_.graph.binary(Op::subtract, right, left)
                : system_.graph.binary(Op::subtract, left, right);
  });
  if (system_.graph.degree(node) != 0) fail(mark, "a place cannot depend on an unknown");
  return node;
}

// What the graph refuses, and what it folds to no finite number, is told with its place.
template <class Make>
int Parser::guarded(const Token& token, const Make& make) {
  int node = -1;
  try {
    node = make();
  } catch (const base::Error& error) {
    fail(token, error.what());
  }
  if (system_.graph.is_constant(node) && !std::isfinite(system_.graph.at(node).value))
    fail(token,
         fmt::format("{} gives {}; expected a finite number", shown(token), system_.graph.at(node).value));
  return node;
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
  const auto function = functions().find(token.text);
  const bool collapsed = token.text == "laplacian" || token.text == "biharmonic";
  if (function == functions().end() && !collapsed) return named(token);
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
  for (const auto& [name, op] : functions()) names.push_back(name);
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

System parse_system(std::string_view text, const ParseOptions& options) {
  return Parser(text, options).run();
}

}  // namespace starling::pinn
