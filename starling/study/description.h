#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace starling::study {

/// The values that a number may take; NaN and infinity never are. Bounds are included unless `open_minimum`.
struct Range {
  double minimum = -std::numeric_limits<double>::max();
  double maximum = std::numeric_limits<double>::max();
  bool open_minimum = false;
};

/// A choice among names, bound to an enumerator.
struct Choice {
  std::vector<std::string> names;
  std::function<std::string()> get;
  std::function<void(std::size_t)> set;
};

/// One key of a spec: where it stands, what it is bound to, which values it takes, what it means.
struct Entry {
  std::string section;  ///< empty at the top of the file
  std::string name;
  std::variant<double*, std::int64_t*, bool*, std::string*, std::vector<double>*, std::vector<std::int64_t>*,
               Choice>
      target;
  Range range;
  std::string doc;

  std::string path() const { return section.empty() ? name : section + "." + name; }
  std::string type() const;     ///< "number", "integer", "true or false", "text", ...
  std::string value() const;    ///< as TOML would write it
  std::string allowed() const;  ///< "> 0", "1 to 10", "laplace, gaussian", or empty
};

/// What a spec struct says of itself, once. It holds pointers into the struct: describe, then read, and keep
/// the struct.
///
///     d.section("field", "The drifting field.");
///     d.real("temperature", spec.temperature, {.minimum = 0, .open_minimum = true}, "In units of
///     distance.");
class Description {
 public:
  void section(std::string name, std::string doc);
  void real(std::string name, double& value, Range range, std::string doc);
  void integer(std::string name, std::int64_t& value, Range range, std::string doc);
  void boolean(std::string name, bool& value, std::string doc);
  void text(std::string name, std::string& value, std::string doc);
  void reals(std::string name, std::vector<double>& value, Range range, std::string doc);
  void integers(std::string name, std::vector<std::int64_t>& value, Range range, std::string doc);

  template <class E>
  void choice(std::string name, E& value, std::vector<std::pair<std::string, E>> options, std::string doc) {
    Choice choice;
    for (const auto& option : options) choice.names.push_back(option.first);
    choice.get = [&value, options] {
      for (const auto& option : options) {
        if (option.second == value) return option.first;
      }
      return std::string();
    };
    choice.set = [&value, options](std::size_t i) { value = options[i].second; };
    add(std::move(name), std::move(choice), {}, std::move(doc));
  }

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<std::pair<std::string, std::string>>& sections() const { return sections_; }
  const Entry* find(std::string_view section, std::string_view name) const;

 private:
  void add(std::string name, decltype(Entry::target) target, Range range, std::string doc);

  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::string>> sections_;  // name, doc
};

/// `text` as a TOML string in quotes. Error{usage} when it is not UTF-8.
std::string toml_string(const std::string& text);

std::string template_text(const Description& description);       ///< a commented TOML file with every default
std::string reference_markdown(const Description& description);  ///< a table of every key
nlohmann::json to_json(const Description& description);          ///< the values now, by section

}  // namespace starling::study
