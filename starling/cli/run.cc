#include <fmt/format.h>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/cli/outcome.h"
#include "starling/cli/verbs.h"
#include "starling/study/sweep.h"

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

// Where the run goes, how it speaks, when it stops.
void prepare(RunRequest& request, const Toolbox& toolbox, const std::filesystem::path& name) {
  study::RunOptions& options = request.options;
  if (options.out.empty()) options.out = std::filesystem::path("runs") / name;
  options.progress = progress_style(request.output);
  options.communicator = &toolbox.ranks();
  options.interrupted = toolbox.interrupted;
  options.report = toolbox.report;
}

}  // namespace

void print_template(const Toolbox& toolbox, const NewOptions& options) {
  const study::System& system = study::find_system(toolbox.systems, options.system);
  const auto application = system.make(study::job_of(system, options.job));
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
  prepare(request, toolbox, std::filesystem::path(request.spec).stem());
  const study::RunDirectory directory =
      study::run_spec(toolbox.systems, spec_text(request.spec), request.spec, request.options);
  return toolbox.ranks().lead() ? show_outcome(directory, request.output) : 0;
}

int sweep(const Toolbox& toolbox, SweepOptions options) {
  RunRequest& request = options.run;
  prepare(request, toolbox, std::filesystem::path(request.spec).stem().string() + "-sweep");
  study::SweepRequest sweep{.keys = {}, .measure = options.measure, .maximize = options.maximize};
  for (const std::string& over : options.over) sweep.keys.push_back(study::parse_swept_key(over));
  const study::RunDirectory directory =
      study::run_sweep(toolbox.systems, spec_text(request.spec), request.spec, sweep, request.options);
  if (!toolbox.ranks().lead()) return 0;
  const int code = show_outcome(directory, request.output);
  if (request.output.quiet || request.output.json) return code;
  const study::Store store(directory.database(), study::Store::Open::existing);
  for (const study::Claim& claim : store.claims())
    fmt::print("{}: {} ({})\n", study::to_string(claim.verdict), claim.statement, claim.note);
  return code;
}

}  // namespace starling::cli
