#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/cli/verbs.h"

namespace starling::cli {
namespace {

std::string spec_text(const std::string& path) {
  try {
    return base::read_file(path, std::uintmax_t{1} << 24U);
  } catch (const base::Error& error) {
    throw base::Error(base::ErrorKind::usage,
                      error.what());  // a missing spec is a wrong argument, not wrong data
  }
}

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

void print_template(const Toolbox& toolbox, const NewOptions& options) {
  const study::System& system = study::find_system(toolbox.systems, options.system);
  if (std::find(system.jobs.begin(), system.jobs.end(), options.job) == system.jobs.end()) {
    throw base::Error(base::ErrorKind::usage, fmt::format("unknown job '{}'{}", options.job,
                                                          base::suggestion(options.job, system.jobs)));
  }
  const auto application = system.make(options.job);
  study::Description description;
  application->describe(description);
  fmt::print("# {}: {}\n{}", system.name, system.summary, study::template_text(description));
}

void check_spec(const Toolbox& toolbox, const RunRequest& request) {
  const auto application =
      study::load(toolbox.systems, spec_text(request.spec), request.spec, request.options.overrides);
  fmt::print("{}: valid\n{}\n", request.spec, application->plan());
}

int run(const Toolbox& toolbox, RunRequest request) {
  study::RunOptions& options = request.options;
  if (options.out.empty())
    options.out = std::filesystem::path("runs") / std::filesystem::path(request.spec).stem();
  options.progress = request.quiet  ? study::Progress::Style::quiet
                     : request.json ? study::Progress::Style::json
                                    : study::Progress::detect();
  options.interrupted = toolbox.interrupted;
  options.report = toolbox.report;
  const study::RunDirectory directory =
      study::run_spec(toolbox.systems, spec_text(request.spec), request.spec, options);
  const study::Store store(directory.database(), study::Store::Open::existing);
  if (request.json) {
    print_json(directory, store);
  } else if (!request.quiet) {
    print_metrics(store);
    print_claims(store);
    for (const study::Warning& w : store.warnings()) fmt::print("warning: {}\n", w.text);
    const auto sheet = directory.path() / "samples.png";
    if (std::filesystem::exists(sheet)) fmt::print("samples: {}\n", sheet.string());
    fmt::print("report:  {}\n", directory.report().string());
  }
  if (!request.strict) return 0;
  for (const study::Claim& c : store.claims()) {
    if (c.verdict == study::Verdict::fails) return 1;
  }
  return 0;
}

}  // namespace starling::cli
