#include "starling/systems/pinn/equation_tokens.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "starling/base/error.h"

namespace starling::pinn {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The length of the number that begins there; the dots of a range are none of it.
std::size_t number_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_digit(text[i])) ++i;
  if (i < text.size() && text[i] == '.' && !(i + 1 < text.size() && text[i + 1] == '.')) {
    ++i;
    while (i < text.size() && is_digit(text[i])) ++i;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::size_t j = i + 1;
    if (j < text.size() && (text[j] == '+' || text[j] == '-')) ++j;
    if (j < text.size() && is_digit(text[j])) {
      while (j < text.size() && is_digit(text[j])) ++j;
      i = j;
    }
  }
  return i;
}

std::size_t name_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (is_letter(text[i]) || is_digit(text[i]) || text[i] == '_')) ++i;
  return i;
}

std::string_view mark_at(std::string_view text) {
  static constexpr std::array<std::string_view, 16> marks{"..", "**", "<=", ">=", "+", "-", "*", "/",
                                                          "^",  "(",  ")",  ",",  "=", "<", ">", ":"};
  for (const std::string_view mark : marks) {
    if (text.starts_with(mark)) return mark;
  }
  return {};
}

std::string shown(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code >= 0x20 && code < 0x7F ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02X}", code);
}

}  // namespace

void fail_at(const std::string& source, const Token& token, const std::string& message) {
  throw base::Error(base::ErrorKind::usage,
                    fmt::format("{}:{}:{}: {}", source, token.line, token.column, message));
}

std::vector<Token> tokenize(std::string_view text, const std::string& source) {
  constexpr std::size_t most_bytes = std::size_t{64} << 10U, longest_name = 64;
  if (text.size() > most_bytes)
    fail_at(source, {}, fmt::format("{} bytes; expected equations of at most 64 KiB", text.size()));
  std::vector<Token> tokens;
  int line = 1;
  std::size_t line_start = 0;
  const auto token_at = [&](std::size_t i, Token::Kind kind, std::string written) {
    return Token{kind, std::move(written), 0, line, static_cast<int>(i - line_start) + 1};
  };
  const auto close_statement = [&](std::size_t i) {
    if (!tokens.empty() && tokens.back().kind != Token::Kind::end)
      tokens.push_back(token_at(i, Token::Kind::end, {}));
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::string_view rest = text.substr(i);
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '\n' || c == ';') {
      close_statement(i++);
      if (c == '\n') {
        ++line;
        line_start = i;
      }
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++i;
    } else if (is_digit(c) || (c == '.' && rest.size() > 1 && is_digit(rest[1]))) {
      const std::size_t length = number_length(rest);
      Token number = token_at(i, Token::Kind::number, std::string(rest.substr(0, length)));
      const auto read = std::from_chars(rest.data(), rest.data() + length, number.value);
      if (read.ec != std::errc() || !std::isfinite(number.value))
        fail_at(source, number, fmt::format("the number {} is out of range", number.text.substr(0, 40)));
      tokens.push_back(std::move(number));
      i += length;
    } else if (is_letter(c)) {
      const std::size_t length = name_length(rest);
      if (length > longest_name)
        fail_at(source, token_at(i, Token::Kind::name, {}), "a name of more than 64 letters");
      tokens.push_back(token_at(i, Token::Kind::name, std::string(rest.substr(0, length))));
      i += length;
    } else if (const std::string_view mark = mark_at(rest); !mark.empty()) {
      tokens.push_back(token_at(i, Token::Kind::mark, std::string(mark == "**" ? "^" : mark)));
      i += mark.size();
    } else {
      fail_at(source, token_at(i, Token::Kind::mark, {}),
              fmt::format("{} has no meaning here; expected names, numbers and + - * / ^ ( ) , =", shown(c)));
    }
  }
  close_statement(text.size());
  if (tokens.empty()) tokens.push_back(token_at(text.size(), Token::Kind::end, {}));
  return tokens;
}

}  // namespace starling::pinn
