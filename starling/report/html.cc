#include "starling/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace starling::report {

using nlohmann::json;

std::string escape(std::string_view text) {
  // A round trip through the JSON writer replaces what is not UTF-8.
  const std::string clean =
      json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::string out;
  out.reserve(clean.size());
  for (const char letter : clean) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

std::string script_json(const json& value) {
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char letter : text) {
    if (letter == '<') {
      out += "\\u003c";
    } else {
      out += letter;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < have ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= have ? letters[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return out;
}

std::string number(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const double size = std::abs(value);
  const std::string sign = value < 0 ? "−" : "";
  if (size == 0) return "0";
  if (size == std::floor(size) && size < 1e6) return fmt::format("{}{:.0f}", sign, size);
  if (size >= 9999.5 && size < 999999.5) return fmt::format("{}{:.0f}", sign, size);
  if (size >= 1e-4 && size < 9999.5) return fmt::format("{}{:.4g}", sign, size);
  const std::string text = fmt::format("{:.3e}", size);  // d.ddde-xx
  const std::size_t e = text.find('e');
  return fmt::format("{}{}×10<sup>{}</sup>", sign, text.substr(0, e), [&] {
    const int power = std::stoi(text.substr(e + 1));
    return (power < 0 ? "−" : "") + std::to_string(std::abs(power));
  }());
}

std::string interval(const std::optional<double>& lower, const std::optional<double>& upper) {
  if (!lower || !upper) return "–";
  return "[" + number(*lower) + ", " + number(*upper) + "]";
}

}  // namespace starling::report
