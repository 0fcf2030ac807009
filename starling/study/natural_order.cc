#include "starling/study/natural_order.h"

#include <algorithm>

namespace starling::study {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Cuts the digits off the front.
std::string_view take_digits(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

// The same without leading zeros.
std::string_view take_number(std::string_view& text) {
  std::string_view digits = take_digits(text);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

}  // namespace

int natural_order(std::string_view a, std::string_view b) {
  std::string_view x = a, y = b;
  bool number = false, decimals = false;  // what was passed last: an integer, an integer and a point
  while (!x.empty() && !y.empty()) {
    if (is_digit(x.front()) && is_digit(y.front())) {
      if (decimals) {
        if (const int order = take_digits(x).compare(take_digits(y)); order != 0) return order;
        decimals = false;
        continue;
      }
      number = true;
      const std::string_view m = take_number(x), n = take_number(y);
      if (m.size() != n.size()) return m.size() < n.size() ? -1 : 1;
      if (const int order = m.compare(n); order != 0) return order;
    } else {
      if (x.front() != y.front())
        return static_cast<unsigned char>(x.front()) < static_cast<unsigned char>(y.front()) ? -1 : 1;
      decimals = number && x.front() == '.';
      number = false;
      x.remove_prefix(1);
      y.remove_prefix(1);
    }
  }
  if (x.empty() != y.empty()) return x.empty() ? -1 : 1;
  return a.compare(b);  // "01" and "1" count alike
}

}  // namespace starling::study
