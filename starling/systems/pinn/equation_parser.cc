#include "starling/systems/pinn/equation_parser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using Kind = Token::Kind;

const std::array<std::string, 9> keywords{"unknowns", "axes", "param",    "learn", "let",
                                          "domain",   "hole", "periodic", "exact"};
const std::array<std::string, 4> usual_axes{"x", "y", "z", "t"};

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
  Token token = peek();
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
  Token token = take();
  if (token.kind != Kind::name) fail(token, fmt::format("{}; expected a name of {}", shown(token), what));
  if (token.text.find('_') != std::string::npos && std::string_view(what) != "a parameter" &&
      std::string_view(what) != "a coefficient")
    fail(token, fmt::format("the name '{}' has a _, which opens a derivative; expected letters and digits",
                            token.text));
  const bool reserved = language_functions().contains(token.text) || token.text == "pi" ||
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
  const bool axes_known = read_declarations(declared);
  infer_names(declared, axes_known);
  system_.periodic.assign(system_.axes.size(), false);
}

// Whether axes are named.
bool Parser::read_declarations(std::set<std::string>& declared) {
  bool axes_known = !options_.axes.empty();
  system_.axes = options_.axes;
  for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
    const bool opens = i == 0 || tokens_[i - 1].kind == Kind::end;
    if (!opens || tokens_[i].kind != Kind::name) continue;
    at_ = i;
    const std::string& word = tokens_[i].text;
    if (word == "param" || word == "learn" || word == "let") declared.insert(tokens_[i + 1].text);
    if (word == "unknowns") read_names(system_.unknowns, "an unknown", 16);
    if (word != "axes") continue;
    std::vector<std::string> named;
    read_names(named, "an axis", nets::most_axes);
    for (const std::string& name : named) {
      if (name.size() != 1) fail(tokens_[i], fmt::format("axis '{}'; expected one letter", name));
    }
    if (axes_known && named != system_.axes) fail(tokens_[i], "axes are named already, and otherwise");
    system_.axes = named;
    axes_known = true;
  }
  at_ = 0;
  return axes_known;
}

void Parser::infer_names(const std::set<std::string>& declared, bool axes_known) {
  const bool unknowns_known = !system_.unknowns.empty();
  const std::vector<std::string> letters =
      axes_known ? system_.axes : std::vector<std::string>(usual_axes.begin(), usual_axes.end());
  const auto is_axis = [&](char c) {
    return std::find(letters.begin(), letters.end(), std::string(1, c)) != letters.end();
  };
  std::set<char> used;
  for (const Token& token : tokens_) {
    if (token.kind != Kind::name || declared.contains(token.text)) continue;
    const std::size_t bar = token.text.find('_');
    const std::string base = token.text.substr(0, bar),
                      suffix = bar == std::string::npos ? "" : token.text.substr(bar + 1);
    if (token.text.size() == 1) used.insert(token.text[0]);
    if (suffix.empty() || !std::all_of(suffix.begin(), suffix.end(), is_axis)) continue;
    used.insert(suffix.begin(), suffix.end());
    auto& unknowns = system_.unknowns;
    const bool fresh = !unknowns_known && !declared.contains(base) &&
                       std::find(unknowns.begin(), unknowns.end(), base) == unknowns.end();
    if (fresh && unknowns.size() < 16) unknowns.push_back(base);
  }
  if (system_.unknowns.empty()) system_.unknowns.emplace_back("u");
  if (axes_known) return;
  for (const std::string& axis : usual_axes) {
    if (used.contains(axis[0])) system_.axes.push_back(axis);
  }
  if (system_.axes.empty()) system_.axes.emplace_back("x");
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
  if (word && first.text == "exact") return exact_solution();
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
  if (word && is_mark("(", 1) && unknown_of(first.text) && !language_functions().contains(first.text))
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
  system_.definitions.push_back({name.text, node});
}

// exact u = expression in the coordinates
void Parser::exact_solution() {
  take();
  const Token name = take();
  if (name.kind != Kind::name || !(unknown_of(name.text) || definitions_.contains(name.text)))
    fail(name,
         fmt::format("{}; expected {} or a name that 'let' defined before", shown(name), listed_unknowns()));
  if (std::ranges::find(system_.exact, name.text, &Definition::name) != system_.exact.end())
    fail(name, fmt::format("a second exact solution for '{}'", name.text));
  expect("=");
  const Token first = peek();
  const int node = expression(0);
  if (system_.graph.degree(node) != 0 || system_.graph.reads_learned(node))
    fail(first, "an exact solution that depends on an unknown; expected an expression in the coordinates");
  system_.exact.push_back({name.text, node});
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

}  // namespace starling::pinn
