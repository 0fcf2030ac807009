#include "starling/study/tables.h"

#include <fmt/format.h>

#include "starling/base/atomic_file.h"

namespace starling::study {
namespace {

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}
std::string cell(double value) {
  return fmt::format("{}", value);
}
std::string cell(std::int64_t value) {
  return fmt::format("{}", value);
}
std::string cell(const std::optional<double>& value) {
  return value ? cell(*value) : std::string();
}

/// Rows under a heading.
class Table {
 public:
  explicit Table(const char* heading) : text_(heading) { text_ += '\n'; }

  template <class First, class... Rest>
  void add(const First& first, const Rest&... rest) {
    text_ += cell(first);
    ((text_ += ',' + cell(rest)), ...);
    text_ += '\n';
    empty_ = false;
  }
  void write(const std::filesystem::path& path, std::vector<std::filesystem::path>& written) const {
    if (empty_) return;
    base::write_file_atomically(path, text_);
    written.push_back(path);
  }

 private:
  std::string text_;
  bool empty_ = true;
};

}  // namespace

std::vector<std::filesystem::path> write_tables(const Store& store, const std::filesystem::path& out) {
  Table metrics("task,name,unit,value,lower,upper,floor,note");
  for (const Metric& m : store.metrics())
    metrics.add(m.task, m.name, m.unit, m.value, m.lower, m.upper, m.floor, m.note);
  Table series("task,name,unit,step,value");
  for (const SeriesName& s : store.series_names()) {
    for (const SeriesPoint& p : store.series(s.task, s.name))
      series.add(s.task, s.name, s.unit, p.step, p.value);
  }
  Table claims("id,statement,source,measured_as,falsifier,value,lower,upper,expected,verdict,note");
  for (const Claim& c : store.claims()) {
    claims.add(c.id, c.statement, c.source, c.measured_as, c.falsifier, c.value, c.lower, c.upper, c.expected,
               to_string(c.verdict), c.note);
  }
  Table warnings("task,step,text");
  for (const Warning& w : store.warnings()) warnings.add(w.task, w.step, w.text);
  std::vector<std::filesystem::path> written;
  metrics.write(out / "metrics.csv", written);
  series.write(out / "series.csv", written);
  claims.write(out / "claims.csv", written);
  warnings.write(out / "warnings.csv", written);
  return written;
}

}  // namespace starling::study
