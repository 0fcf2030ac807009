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

// A resumed run must be the same run: its bytes are a function of the config.
void require_same_config(const nlohmann::json& before, const Description& description,
                         const std::string& path) {
  const nlohmann::json now = to_json(description);
  const auto value_in = [](const nlohmann::json& config, const Entry& entry) {
    const nlohmann::json section =
        entry.section.empty() ? config : config.value(entry.section, nlohmann::json::object());
    return section.is_object() && section.contains(entry.name) ? section.at(entry.name).dump()
                                                               : std::string("no such key");
  };
  for (const Entry& entry : description.entries()) {
    const std::string old_value = value_in(before, entry), new_value = value_in(now, entry);
    if (old_value == new_value) continue;
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "{}: cannot resume: the spec differs: {} is {} but the run has {}; restore it or start a new run",
            path, entry.path(), new_value, old_value));
  }
  if (before != now) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: cannot resume: the run has keys that this version does not know; start "
                            "a new run",
                            path));
  }
}

// What a checkpoint follows stands in the database: without it the run would end with half its numbers.
void require_database(const RunDirectory& directory) {
  if (!std::filesystem::exists(directory.checkpoint())) return;
  (void)Store(directory.database(), Store::Open::existing);
}

// `job=study` must be known before the application is made; the rest waits for its description.
Common common_of(const std::string& text, const std::string& file_name,
                 const std::vector<std::string>& overrides) {
  Common common = peek(text, file_name);
  Description description;
  describe_common(description, common);
  for (const std::string& assignment : overrides) {
    const std::string key = assignment.substr(0, assignment.find('='));
    if (key == "system" || key == "job") apply_override(description, assignment);
  }
  return common;
}

}  // namespace

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

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
  const Common common = common_of(text, file_name, overrides);
  std::vector<std::string> names;
  for (const System* known : systems) names.push_back(known->name);
  if (std::find(names.begin(), names.end(), common.system) == names.end()) {
    throw Error(ErrorKind::usage, fmt::format("{}: unknown system '{}'{}", file_name, common.system,
                                              base::suggestion(common.system, names)));
  }
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

RunDirectory run_spec(const std::vector<const System*>& systems, const std::string& text,
                      const std::string& file_name, const RunOptions& options) {
  const auto application = load(systems, text, file_name, options.overrides);
  Description description;
  application->describe(description);
  const nlohmann::json config = to_json(description);
  const base::ThreadLimit threads(options.threads);
  const base::FlushDenormals flush;
  application->plan();  // bad input is refused before a directory is made

  RunDirectory directory = RunDirectory::open(options.out, options.resume);
  double seconds_before = 0;
  if (options.resume) {
    const nlohmann::json before = directory.read_manifest();
    require_database(directory);
    require_same_config(before.at("config"), description, options.out.string());
    if (before.contains("seconds") && before.at("seconds").is_number()) seconds_before = before.at("seconds");
  }
  nlohmann::json manifest = {
      {"version", base::version()},
      {"commit", base::git_commit()},
      {"build", base::build_summary()},
      {"system", config.at("system")},
      {"job", config.at("job")},
      {"seed", config.at("seed")},
      {"config", config},
      {"machine", {{"cpu", cpu_model()}, {"cores", std::thread::hardware_concurrency()}}},
      {"threads", base::thread_count()},
      {"status", "running"}};
  directory.write_manifest(manifest);
  const auto began = std::chrono::steady_clock::now();
  const auto finish = [&](const std::string& status) {
    manifest["status"] = status;
    manifest["seconds"] =
        seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    directory.write_manifest(manifest);
  };
  const auto fail = [&](const std::exception& error, const std::string& status) {
    manifest["error"] = error.what();
    try {
      finish(status);
    } catch (const Error&) {  // a full disk, say: what the caller must read is the first error
    }
  };
  try {
    Store store(directory.database());
    Progress progress(options.progress);
    RunContext context{directory, store, progress, options.resume, options.interrupted};
    application->run(context);
  } catch (const Error& error) {
    fail(error, error.kind() == ErrorKind::interrupted ? "interrupted" : "failed");
    throw;
  } catch (const std::exception& error) {
    fail(error, "failed");
    throw;
  }
  finish("done");
  if (options.report) options.report(directory);
  return directory;
}

}  // namespace starling::study
