#include "starling/study/run_config.h"

#include <fmt/format.h>

#include "starling/base/error.h"
#include "starling/study/spec_file.h"

namespace starling::study {

using base::Error;
using base::ErrorKind;

std::string job_of(const RunDirectory& directory) {
  const auto job = nlohmann::json::json_pointer("/config/job");
  const nlohmann::json manifest = directory.read_manifest();
  return manifest.contains(job) && manifest.at(job).is_string() ? manifest.at(job).get<std::string>() : "";
}

void require_job(const RunDirectory& directory, const std::string& job, const std::string& what) {
  if (job_of(directory) == job) return;
  const auto system = nlohmann::json::json_pointer("/config/system");
  throw Error(ErrorKind::usage,
              fmt::format("{}: holds no {}; expected a run of {}'s job {}", directory.path().string(), what,
                          directory.read_manifest().value(system, "another system"), job));
}

void read_config(Description& description, const RunDirectory& directory) {
  const nlohmann::json manifest = directory.read_manifest();
  const std::string file = directory.manifest().string();
  for (const Entry& entry : description.entries()) {
    const nlohmann::json::json_pointer place(entry.section.empty()
                                                 ? fmt::format("/config/{}", entry.name)
                                                 : fmt::format("/config/{}/{}", entry.section, entry.name));
    if (!manifest.contains(place))
      throw Error(ErrorKind::input, fmt::format("{}: damaged: it lacks {}", file, entry.path()));
    try {
      apply_override(description, fmt::format("{}={}", entry.path(), manifest.at(place).dump()));
    } catch (const Error& error) {
      throw Error(ErrorKind::input, fmt::format("{}: damaged: {}", file, error.what()));
    }
  }
}

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

}  // namespace starling::study
