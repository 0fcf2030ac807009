#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/version.h"
#include "starling/cli/verbs.h"
#include "starling/study/run_record.h"

namespace starling::cli {
void sample(const Toolbox& toolbox, const SampleOptions& options) {
  const auto directory = study::RunDirectory::existing(options.run);
  study::sample_run(toolbox.systems, directory, options.request);
  if (!options.request.out.empty()) fmt::print("{}\n", options.request.out.string());
}

void predict(const Toolbox& toolbox, const PredictOptions& options) {
  study::predict_run(toolbox.systems, study::RunDirectory::existing(options.run), options.request);
}

void export_model(const Toolbox& toolbox, const ExportOptions& options) {
  const auto directory = study::RunDirectory::existing(options.run);
  const std::filesystem::path out =
      options.out.empty() ? directory.path() / "export" : std::filesystem::path(options.out);
  study::export_run(toolbox.systems, directory, out,
                    [](const std::filesystem::path& path) { fmt::print("{}\n", path.string()); });
}

void rebuild_report(const Toolbox& toolbox, const std::string& run) {
  const auto directory = study::RunDirectory::existing(run);
  toolbox.report(directory);
  fmt::print("{}\n", directory.report().string());
}

void list_claims(const Toolbox& toolbox, const ClaimsOptions& options) {
  for (const study::System* candidate : toolbox.systems) {
    if (!options.system.empty() && candidate != &study::find_system(toolbox.systems, options.system))
      continue;
    for (const study::Claim& c : candidate->claims()) {
      if (options.json) {
        const nlohmann::json line = {{"system", candidate->name}, {"id", c.id},
                                     {"states", c.statement},     {"source", c.source},
                                     {"measured", c.measured_as}, {"fails_if", c.falsifier}};
        fmt::print("{}\n", line.dump());
        continue;
      }
      fmt::print("{}.{}\n  states    {}\n  source    {}\n  measured  {}\n  fails if  {}\n\n", candidate->name,
                 c.id, c.statement, c.source, c.measured_as, c.falsifier);
    }
  }
}

int examine(const Toolbox& toolbox) {
  fmt::print("starling  {} ({})\nbuild     {}\ncpu       {}\ncores     {}\nthreads   {}\nvectors   {}\n",
             base::version(), base::git_commit(), base::build_summary(), study::cpu_model(),
             std::thread::hardware_concurrency(), base::thread_count(), toolbox.vector_target);
  bool healthy = true;
  for (const Check& check : toolbox.checks) {
    bool passes = false;
    std::string reason;
    try {
      passes = check.passes();
    } catch (const std::exception& error) {
      reason = fmt::format(": {}", error.what());
    }
    healthy = healthy && passes;
    fmt::print("{}  {}{}\n", passes ? "ok      " : "FAILS   ", check.name, reason);
  }
  return healthy ? 0 : static_cast<int>(base::ErrorKind::numerical);
}

}  // namespace starling::cli
