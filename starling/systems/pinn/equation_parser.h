#pragma once
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/pinn/equation.h"
#include "starling/systems/pinn/equation_tokens.h"

namespace starling::pinn {

/// The functions of one argument, by name.
const std::map<std::string, Op>& language_functions();

/// The recursive descent behind parse_system: a statement at a time, from left to right.
class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options);
  System run();

 private:
  [[noreturn]] void fail(const Token& token, const std::string& message) const;
  const Token& peek(std::size_t ahead = 0) const;
  Token take();
  bool is_mark(std::string_view mark, std::size_t ahead = 0) const;
  bool is_name(std::string_view name) const;
  void expect(std::string_view mark);
  std::string shown(const Token& token) const;
  Token take_new_name(const char* what);

  void find_names();
  bool read_declarations(std::set<std::string>& declared);
  void infer_names(const std::set<std::string>& declared, bool axes_known);
  void read_names(std::vector<std::string>& names, const char* what, std::size_t most);
  std::size_t axis_number(const Token& token) const;
  double take_constant(const char* what);
  Box take_box();

  void statement();
  void parameter();
  void learned();
  void definition();
  void exact_solution();
  void equation();
  void condition();
  int relation();

  template <class Make>
  int guarded(const Token& token, const Make& make);
  int expression(int depth);
  int term(int depth);
  int factor(int depth);
  int primary(int depth);
  int operator_on_unknown(const Token& token);
  std::string listed_unknowns() const;
  std::optional<int> learned_number(const std::string& name) const;
  bool unknown_of(const std::string& name) const;
  int named(const Token& token);
  int derivative_named(const Token& token);

  const ParseOptions& options_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  System system_;
  std::map<std::string, int> definitions_;
};

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

}  // namespace starling::pinn
