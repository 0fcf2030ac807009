#include "starling/study/description.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "starling/base/error.h"

namespace starling::study {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;  // clang before 17 does not deduce it

// TOML wants a point or an exponent in a number that is not an integer.
std::string toml_number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string bound(double value) {
  constexpr double all_integers = 9007199254740992.0;  // up to here every integer is a double
  if (std::abs(value) <= all_integers && value == std::trunc(value)) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string comment(const Entry& entry) {
  const std::string allowed = entry.allowed();
  return allowed.empty() ? entry.doc : fmt::format("{} ({})", entry.doc, allowed);
}

}  // namespace

// JSON's escapes are TOML's, but for the delete character, which only JSON lets stand as it is.
std::string toml_string(const std::string& text) {
  try {
    std::string out;
    for (const char c : nlohmann::json(text).dump()) {
      if (c == '\x7f') {
        out += "\\u007F";
      } else {
        out += c;
      }
    }
    return out;
  } catch (const nlohmann::json::type_error&) {
    throw base::Error(base::ErrorKind::usage, "text that is not UTF-8; expected UTF-8");
  }
}

std::string Entry::type() const {
  return std::visit(
      Overloaded{[](double*) { return "a number"; }, [](std::int64_t*) { return "an integer"; },
                 [](bool*) { return "true or false"; }, [](std::string*) { return "text in quotes"; },
                 [](std::vector<double>*) { return "a list of numbers"; },
                 [](std::vector<std::int64_t>*) { return "a list of integers"; },
                 [](const Choice&) { return "a name in quotes"; }},
      target);
}

std::string Entry::value() const {
  return std::visit(
      Overloaded{[](double* v) { return toml_number(*v); },
                 [](std::int64_t* v) { return fmt::format("{}", *v); },
                 [](bool* v) { return std::string(*v ? "true" : "false"); },
                 [](std::string* v) { return toml_string(*v); },
                 [](std::vector<double>* v) {
                   std::vector<std::string> words;
                   for (const double x : *v) words.push_back(toml_number(x));
                   return "[" + joined(words) + "]";
                 },
                 [](std::vector<std::int64_t>* v) { return fmt::format("[{}]", fmt::join(*v, ", ")); },
                 [](const Choice& v) { return toml_string(v.get()); }},
      target);
}

std::string Entry::allowed() const {
  if (const auto* choice = std::get_if<Choice>(&target)) return joined(choice->names);
  const bool low = range.minimum > -std::numeric_limits<double>::max();
  const bool high = range.maximum < std::numeric_limits<double>::max();
  if (low && high)
    return fmt::format("{}{} to {}", range.open_minimum ? "above " : "", bound(range.minimum),
                       bound(range.maximum));
  if (low) return fmt::format("{} {}", range.open_minimum ? ">" : ">=", bound(range.minimum));
  if (high) return fmt::format("<= {}", bound(range.maximum));
  return {};
}

void Description::section(std::string name, std::string doc) {
  sections_.emplace_back(std::move(name), std::move(doc));
}

void Description::add(std::string name, decltype(Entry::target) target, Range range, std::string doc) {
  const std::string section = sections_.empty() ? "" : sections_.back().first;
  entries_.push_back({section, std::move(name), std::move(target), range, std::move(doc)});
}

void Description::real(std::string name, double& value, Range range, std::string doc) {
  add(std::move(name), &value, range, std::move(doc));
}
void Description::integer(std::string name, std::int64_t& value, Range range, std::string doc) {
  add(std::move(name), &value, range, std::move(doc));
}
void Description::boolean(std::string name, bool& value, std::string doc) {
  add(std::move(name), &value, {}, std::move(doc));
}
void Description::text(std::string name, std::string& value, std::string doc) {
  add(std::move(name), &value, {}, std::move(doc));
}
void Description::reals(std::string name, std::vector<double>& value, Range range, std::string doc) {
  add(std::move(name), &value, range, std::move(doc));
}
void Description::integers(std::string name, std::vector<std::int64_t>& value, Range range, std::string doc) {
  add(std::move(name), &value, range, std::move(doc));
}

const Entry* Description::find(std::string_view section, std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.section == section && entry.name == name) return &entry;
  }
  return nullptr;
}

std::string template_text(const Description& description) {
  std::string text;
  std::string open;
  for (const Entry& entry : description.entries()) {
    if (entry.section != open) {
      open = entry.section;
      for (const auto& [name, doc] : description.sections()) {
        if (name == open) text += fmt::format("\n# {}\n[{}]\n", doc, name);
      }
    }
    text += fmt::format("{} = {}  # {}\n", entry.name, entry.value(), comment(entry));
  }
  return text;
}

std::string reference_markdown(const Description& description) {
  std::string text = "| key | default | meaning |\n|---|---|---|\n";
  for (const Entry& entry : description.entries()) {
    text += fmt::format("| `{}` | `{}` | {} |\n", entry.path(), entry.value(), comment(entry));
  }
  return text;
}

nlohmann::json to_json(const Description& description) {
  nlohmann::json out = nlohmann::json::object();
  for (const Entry& entry : description.entries()) {
    nlohmann::json value = std::visit(Overloaded{[](const Choice& v) { return nlohmann::json(v.get()); },
                                                 [](auto* v) { return nlohmann::json(*v); }},
                                      entry.target);
    (entry.section.empty() ? out : out[entry.section])[entry.name] = std::move(value);
  }
  return out;
}

}  // namespace starling::study
