// The only file that includes toml++, which costs seconds of compile time.
#include "starling/study/spec_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>

#include "starling/base/error.h"

namespace starling::study {
namespace {

using base::Error;
using base::ErrorKind;

struct Place {
  std::string file;
  toml::source_position position;
};

[[noreturn]] void fail(const Place& place, const std::string& message) {
  if (place.position.line == 0) throw Error(ErrorKind::usage, fmt::format("{}: {}", place.file, message));
  throw Error(ErrorKind::usage,
              fmt::format("{}:{}:{}: {}", place.file, place.position.line, place.position.column, message));
}

// The end of the comment or string that opens at `begin`, or `begin` itself where none does. A string in
// three quotes runs to the next three.
std::size_t skip_inert(std::string_view text, std::size_t begin) {
  const char open = text[begin];
  if (open == '#') return std::min(text.find('\n', begin), text.size());
  if (open != '"' && open != '\'') return begin;
  const std::string_view triple = open == '"' ? "\"\"\"" : "'''";
  const bool is_long = text.substr(begin).starts_with(triple);
  std::size_t i = begin + (is_long ? 3 : 1);
  for (; i < text.size(); ++i) {
    if (open == '"' && text[i] == '\\') {
      ++i;
    } else if (is_long ? text.substr(i).starts_with(triple) : text[i] == open) {
      return i + (is_long ? 3 : 1);
    } else if (!is_long && text[i] == '\n') {
      return i;  // malformed: the parser says so
    }
  }
  return text.size();
}

// The parser recurses for every bracket, and the destructor of its result for every dot of a key: refuse
// hostile depth before it starts.
void refuse_hostile(std::string_view text, const std::string& file) {
  constexpr std::size_t most_bytes = std::size_t{1} << 20U;
  constexpr int deepest = 64;
  if (text.size() > most_bytes)
    fail({file, {}}, fmt::format("{} bytes; expected a spec of at most 1 MiB", text.size()));
  int depth = 0, dots = 0;
  std::uint32_t line = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t end = skip_inert(text, i); end > i) {
      line += static_cast<std::uint32_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(i),
                                                    text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
      i = end - 1;
      continue;
    }
    const char c = text[i];
    if (c == '\n') ++line;
    if (c == '\n' || c == ',' || c == '=') dots = 0;  // none of them stands inside a key
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '.') ++dots;
    if (depth > deepest || dots > deepest)
      fail({file, {line, 1}}, "nested deeper than 64; expected a flat spec");
  }
}

toml::table parse(std::string_view text, const std::string& file) {
  refuse_hostile(text, file);
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    fail({file, error.source().begin}, std::string(error.description()));
  }
}

// `value` is as long double exact for every double and every 64-bit integer.
void require_in_range(long double value, const std::string& written, const Entry& entry, const Place& place) {
  const Range& range = entry.range;
  const bool low_ok = range.open_minimum ? value > range.minimum : value >= range.minimum;
  if (std::isfinite(value) && low_ok && value <= range.maximum) return;
  const std::string allowed = entry.allowed();
  fail(place, fmt::format("'{}' is {}; expected a value {}", entry.path(), written,
                          allowed.empty() ? "that is finite" : allowed));
}

double number_of(const toml::node& node, const Entry& entry, const Place& place) {
  if (!node.is_number()) fail(place, fmt::format("'{}' must be {}", entry.path(), entry.type()));
  const double value =
      node.is_integer() ? static_cast<double>(node.as_integer()->get()) : node.as_floating_point()->get();
  require_in_range(value, fmt::format("{}", value), entry, place);
  return value;
}

std::int64_t integer_of(const toml::node& node, const Entry& entry, const Place& place) {
  if (!node.is_integer()) fail(place, fmt::format("'{}' must be {}", entry.path(), entry.type()));
  const std::int64_t value = node.as_integer()->get();
  require_in_range(value, fmt::format("{}", value), entry, place);
  return value;
}

std::string text_of(const toml::node& node, const Entry& entry, const Place& place) {
  if (!node.is_string()) fail(place, fmt::format("'{}' must be {}", entry.path(), entry.type()));
  return *node.value<std::string>();
}

template <class T, class Convert>
std::vector<T> list_of(const toml::node& node, const Entry& entry, const Place& place, Convert convert) {
  const toml::array* array = node.as_array();
  if (array == nullptr) fail(place, fmt::format("'{}' must be {}", entry.path(), entry.type()));
  std::vector<T> values;
  for (const toml::node& item : *array) {
    const bool placeless = place.position.line == 0;  // the value of an override
    values.push_back(convert(item, entry, placeless ? place : Place{place.file, item.source().begin}));
  }
  return values;
}

void assign(const Entry& entry, const toml::node& node, const Place& place) {
  if (auto* const* target = std::get_if<double*>(&entry.target)) **target = number_of(node, entry, place);
  if (auto* const* target = std::get_if<std::int64_t*>(&entry.target))
    **target = integer_of(node, entry, place);
  if (auto* const* target = std::get_if<std::string*>(&entry.target)) **target = text_of(node, entry, place);
  if (auto* const* target = std::get_if<std::vector<double>*>(&entry.target)) {
    **target = list_of<double>(node, entry, place, number_of);
  }
  if (auto* const* target = std::get_if<std::vector<std::int64_t>*>(&entry.target)) {
    **target = list_of<std::int64_t>(node, entry, place, integer_of);
  }
  if (auto* const* target = std::get_if<bool*>(&entry.target)) {
    if (!node.is_boolean()) fail(place, fmt::format("'{}' must be {}", entry.path(), entry.type()));
    **target = *node.value<bool>();
  }
  if (const auto* choice = std::get_if<Choice>(&entry.target)) {
    const std::string name = text_of(node, entry, place);
    for (std::size_t i = 0; i < choice->names.size(); ++i) {
      if (choice->names[i] == name) return choice->set(i);
    }
    fail(place, fmt::format("'{}' is '{}'{}", entry.path(), name, base::suggestion(name, choice->names)));
  }
}

std::vector<std::string> names_in(const Description& description, std::string_view section) {
  std::vector<std::string> names;
  for (const Entry& entry : description.entries()) {
    if (entry.section == section) names.push_back(entry.name);
  }
  if (section.empty()) {
    for (const auto& named : description.sections()) names.push_back(named.first);
  }
  return names;
}

bool has_section(const Description& description, std::string_view name) {
  for (const auto& section : description.sections()) {
    if (section.first == name) return true;
  }
  return false;
}

void read_table(const Description& description, const toml::table& table, const std::string& section,
                const std::string& file) {
  for (const auto& [key, node] : table) {
    const Place key_place{file, key.source().begin};
    if (section.empty() && node.is_table() && has_section(description, key.str())) {
      read_table(description, *node.as_table(), std::string(key.str()), file);
      continue;
    }
    if (section.empty() && has_section(description, key.str())) {
      fail({file, node.source().begin},
           fmt::format("'{}' is a section; expected [{}] and its keys below", key.str(), key.str()));
    }
    const Entry* entry = description.find(section, key.str());
    if (entry == nullptr) {
      const std::string where = section.empty() ? "" : fmt::format(" in [{}]", section);
      fail(key_place, fmt::format("unknown key '{}'{}{}", key.str(), where,
                                  base::suggestion(key.str(), names_in(description, section))));
    }
    assign(*entry, node, {file, node.source().begin});
  }
}

}  // namespace

void describe_common(Description& description, Common& common) {
  description.text("system", common.system, "which system runs");
  description.text("job", common.job, "which of the jobs of the system");
  description.integer("seed", common.seed, {.minimum = 0, .maximum = 9007199254740992.0},
                      "one seed gives the same bytes for any number of threads");
}

Common peek(std::string_view text, std::string_view file_name) {
  const std::string file(file_name);
  const toml::table table = parse(text, file);
  Common common;
  const auto text_at = [&](const char* key) {
    const auto value = table[key].value<std::string>();
    if (!value)
      fail({file, table[key].node()->source().begin}, fmt::format("'{}' must be text in quotes", key));
    return *value;
  };
  if (!table.contains("system"))
    fail({file, {}}, "no top-level key 'system'; expected for example system = \"drift\"");
  common.system = text_at("system");
  if (table.contains("job")) common.job = text_at("job");
  return common;
}

void read_spec(Description& description, std::string_view text, std::string_view file_name) {
  const std::string file(file_name);
  read_table(description, parse(text, file), "", file);
}

void apply_override(Description& description, std::string_view assignment) {
  const std::string source = fmt::format("--set {}", assignment);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) fail({source, {}}, "expected key=value, such as train.steps=100");
  const std::string path(assignment.substr(0, equals)), value(assignment.substr(equals + 1));
  const std::size_t dot = path.find('.');
  const std::string section = dot == std::string::npos ? "" : path.substr(0, dot);
  const std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
  refuse_hostile(value, source);
  const Entry* entry = description.find(section, name);
  if (entry == nullptr) {
    std::vector<std::string> paths;
    for (const Entry& known : description.entries()) paths.push_back(known.path());
    fail({source, {}}, fmt::format("unknown key '{}'{}", path, base::suggestion(path, paths)));
  }
  const bool textual =
      std::holds_alternative<std::string*>(entry->target) || std::holds_alternative<Choice>(entry->target);
  const std::string written = textual && !value.starts_with('"') ? toml_string(value) : value;
  try {
    const toml::table table = toml::parse("value = " + written, source);
    if (table.size() != 1) fail({source, {}}, "expected one value");
    assign(*entry, *table["value"].node(), {source, {}});
  } catch (const toml::parse_error& error) {
    fail({source, {}}, std::string(error.description()));
  }
}

}  // namespace starling::study
