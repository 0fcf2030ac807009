#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace starling::pinn {

struct Token {
  enum class Kind { number, name, mark, end };  ///< `end` closes a statement; the last token is one
  Kind kind = Kind::end;
  std::string text{};
  double value = 0;
  int line = 1, column = 1;
};

/// `source:line:column: message`, as Error{usage}.
[[noreturn]] void fail_at(const std::string& source, const Token& token, const std::string& message);

/// Splits a text into tokens; no two ends follow one another and the first token is none.
std::vector<Token> tokenize(std::string_view text, const std::string& source);

}  // namespace starling::pinn
