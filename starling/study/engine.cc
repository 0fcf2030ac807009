#include "starling/study/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/version.h"

namespace starling::study {
namespace {

using base::Error;
using base::ErrorKind;

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

// A resumed run must be the same run: its bytes are a function of the config.
void require_same_config(const nlohmann::json& before, const nlohmann::json& now, const std::string& path) {
  if (before == now) return;
  const nlohmann::json difference = nlohmann::json::diff(before, now);
  throw Error(ErrorKind::usage, fmt::format("{}: cannot resume: the spec differs from the run's at {}; restore it or start "
                                            "a new run", path, difference.at(0).at("path").get<std::string>()));
}

}  // namespace

const System& find_system(const std::vector<const System*>& systems, const std::string& name) {
  std::vector<std::string> names;
  for (const System* system : systems) {
    if (system->name == name) return *system;
    names.push_back(system->name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown system '{}'{}", name, base::suggestion(name, names)));
}

std::unique_ptr<Application> load(const std::vector<const System*>& systems, const std::string& text,
                                  const std::string& file_name, const std::vector<std::string>& overrides) {
  const Common common = peek(text, file_name);
  const System& system = find_system(systems, common.system);
  if (std::find(system.jobs.begin(), system.jobs.end(), common.job) == system.jobs.end()) {
    throw Error(ErrorKind::usage, fmt::format("{}: unknown job '{}'{}", file_name, common.job,
                                              base::suggestion(common.job, system.jobs)));
  }
  auto application = system.make(common.job);
  Description description;
  application->describe(description);
  read_spec(description, text, file_name);
  for (const std::string& assignment : overrides) apply_override(description, assignment);
  return application;
}

RunDirectory run_spec(const std::vector<const System*>& systems, const std::string& text, const std::string& file_name,
                      const RunOptions& options) {
  const auto application = load(systems, text, file_name, options.overrides);
  Description description;
  application->describe(description);
  const nlohmann::json config = to_json(description);
  const base::ThreadLimit threads(options.threads);
  const base::FlushDenormals flush;
  application->plan();  // bad input is refused before a directory is made

  RunDirectory directory = RunDirectory::open(options.out, options.resume);
  if (options.resume) require_same_config(directory.read_manifest().at("config"), config, options.out.string());
  nlohmann::json manifest = {{"version", base::version()},
                             {"commit", base::git_commit()},
                             {"build", base::build_summary()},
                             {"seed", config.at("seed")},
                             {"config", config},
                             {"machine", {{"cpu", cpu_model()}, {"cores", std::thread::hardware_concurrency()}}},
                             {"threads", base::thread_count()},
                             {"status", "running"}};
  directory.write_manifest(manifest);
  const auto began = std::chrono::steady_clock::now();
  const auto finish = [&](const std::string& status) {
    manifest["status"] = status;
    manifest["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    directory.write_manifest(manifest);
  };
  Store store(directory.database());
  Progress progress(options.progress);
  RunContext context{directory, store, progress, options.resume, options.interrupted};
  try {
    application->run(context);
  } catch (const Error& error) {
    finish(error.kind() == ErrorKind::interrupted ? "interrupted" : fmt::format("failed: {}", error.what()));
    throw;
  }
  finish("done");
  if (options.report) options.report(directory);
  return directory;
}

}  // namespace starling::study
