#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace starling::report {

/// Text as HTML shows it, inside an element or a quoted attribute. Bytes that are not UTF-8 become U+FFFD.
std::string escape(std::string_view text);

/// JSON that may stand inside <script>: ASCII, with every '<' as \u003c, so that no string can close the
/// element.
std::string script_json(const nlohmann::json& value);

std::string base64(std::string_view bytes);

/// Four significant digits with a true minus sign, and "×10" powers outside 1e-4 to 1e6.
std::string number(double value);
/// "[lower, upper]", or an en dash when either is missing.
std::string interval(const std::optional<double>& lower, const std::optional<double>& upper);

}  // namespace starling::report
