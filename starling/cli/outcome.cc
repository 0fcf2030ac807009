#include "starling/cli/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "starling/study/store.h"

namespace starling::cli {
namespace {

// Those that a claim was judged by are left to the table of claims.
void print_metrics(const study::Store& store) {
  std::vector<study::Metric> metrics = store.metrics();
  const std::vector<study::Claim> claims = store.claims();
  std::erase_if(metrics, [&claims](const study::Metric& m) {
    return std::ranges::find(claims, m.task, &study::Claim::id) != claims.end();
  });
  if (metrics.empty()) return;
  fmt::print("\n{:<24}{:>12}  {:<26}{:>12}\n", "monitor", "value", "95% interval", "data floor");
  const bool several =
      std::ranges::any_of(metrics, [&](const study::Metric& m) { return m.task != metrics.front().task; });
  std::string task;
  for (const study::Metric& m : metrics) {
    if (several && m.task != task) fmt::print("{}\n", task = m.task);
    const std::string interval =
        m.lower && m.upper ? fmt::format("[{:.5g}, {:.5g}]", *m.lower, *m.upper) : "";
    fmt::print("{:<24}{:>12.5g}  {:<26}{:>12}\n", m.name, m.value, interval,
               m.floor ? fmt::format("{:.5g}", *m.floor) : "");
  }
}

void print_claims(const study::Store& store) {
  const auto claims = store.claims();
  if (claims.empty()) return;
  std::size_t width = 20;
  for (const study::Claim& c : claims) width = std::max(width, c.id.size());
  width += 2;
  fmt::print("\n{:<{}}{:<14}{:>12}  {:<22}{}\n", "claim", width, "verdict", "value", "95% interval",
             "expected");
  for (const study::Claim& c : claims) {
    const std::string interval =
        c.lower && c.upper ? fmt::format("[{:.4g}, {:.4g}]", *c.lower, *c.upper) : "";
    fmt::print("{:<{}}{:<14}{:>12}  {:<22}{}\n", c.id, width, study::to_string(c.verdict),
               c.value ? fmt::format("{:.4g}", *c.value) : "", interval, c.expected);
  }
}

void print_json(const study::RunDirectory& directory, const study::Store& store) {
  nlohmann::json line = {
      {"event", "done"}, {"run", directory.path().string()}, {"report", directory.report().string()}};
  const auto optional = [](const std::optional<double>& v) {
    return v ? nlohmann::json(*v) : nlohmann::json();
  };
  for (const study::Metric& m : store.metrics()) {
    line["metrics"][m.task][m.name] = {{"unit", m.unit},
                                       {"value", m.value},
                                       {"lower", optional(m.lower)},
                                       {"upper", optional(m.upper)},
                                       {"floor", optional(m.floor)}};
  }
  for (const study::Claim& c : store.claims()) line["claims"][c.id] = study::to_string(c.verdict);
  for (const study::Warning& w : store.warnings()) line["warnings"].push_back(w.text);
  fmt::print("{}\n", line.dump());
}

}  // namespace

study::Progress::Style progress_style(const Output& output) {
  return output.quiet  ? study::Progress::Style::quiet
         : output.json ? study::Progress::Style::json
                       : study::Progress::detect();
}

int show_outcome(const study::RunDirectory& directory, const Output& output) {
  const study::Store store(directory.database(), study::Store::Open::existing);
  if (output.json) {
    print_json(directory, store);
  } else if (!output.quiet) {
    print_metrics(store);
    print_claims(store);
    for (const study::Warning& w : store.warnings()) fmt::print("warning: {}\n", w.text);
    const auto sheet = directory.path() / "samples.png";
    if (std::filesystem::exists(sheet)) fmt::print("samples: {}\n", sheet.string());
    fmt::print("report:  {}\n", directory.report().string());
  }
  if (!output.strict) return 0;
  for (const study::Claim& c : store.claims()) {
    if (c.verdict == study::Verdict::fails) return 1;
  }
  return 0;
}

}  // namespace starling::cli
