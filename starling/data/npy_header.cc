#include "starling/data/npy_header.h"

#include <fmt/format.h>

#include <charconv>

#include "starling/data/bytes.h"

namespace starling::data {
namespace {

// A reader of the one Python literal that numpy writes.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  NpyHeader read() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[') fail("structured types are not read; expected one numeric type such as '<f4'");
        header.descr = string();
        once(has_descr, key);
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
        once(has_order, key);
      } else if (key == "shape") {
        header.shape = tuple();
        once(has_shape, key);
      } else {
        fail(fmt::format("unknown key {}; expected 'descr', 'fortran_order' and 'shape'", in_quotes(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("text after the closing '}'");
    if (!has_descr || !has_order || !has_shape) {
      fail(fmt::format("key '{}' is missing", !has_descr ? "descr" : !has_order ? "fortran_order" : "shape"));
    }
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view message) const {
    fail_input(name_, fmt::format("npy header, column {}: {}", at_ + 1, message));
  }

  void once(bool& seen, const std::string& key) const {
    if (seen) fail(fmt::format("key '{}' appears twice", key));
    seen = true;
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool accept(char letter) {
    if (at_ >= text_.size() || peek() != letter || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  void expect(char letter) {
    if (!accept(letter)) fail(fmt::format("expected '{}'", letter));
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("expected a quoted string");
    const std::size_t begin = at_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) fail("the quoted string does not end");
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }

  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("expected True or False");
  }

  std::vector<std::int64_t> tuple() {
    constexpr std::size_t most_subscripts = 32;
    std::vector<std::int64_t> shape;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      const char* begin = text_.data() + at_;
      const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (code != std::errc() || extent < 0) fail("expected an extent in 0..2^63-1");
      at_ += static_cast<std::size_t>(end - begin);
      accept('L');  // Python 2 wrote long integers so
      shape.push_back(extent);
      if (shape.size() > most_subscripts) fail("more than 32 subscripts");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, std::string_view name) {
  return HeaderReader(text, name).read();
}

}  // namespace starling::data
