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

}  // namespace starling::study
