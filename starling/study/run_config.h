#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "starling/study/description.h"
#include "starling/study/run_directory.h"

namespace starling::study {

/// The job of a run by its manifest; empty in a damaged one.
std::string job_of(const RunDirectory& directory);

/// Error{usage} when the run is of another job than `job`: it holds no `what`.
void require_job(const RunDirectory& directory, const std::string& job, const std::string& what);

/// Sets every described field to what the run's manifest holds. Error{input} that names the key which the
/// manifest lacks, or whose value does not fit.
void read_config(Description& description, const RunDirectory& directory);

/// The spec of a run, as its manifest holds it; errors as for read_config.
template <class Spec>
Spec read_spec(const RunDirectory& directory) {
  Spec spec;
  Description description;
  describe(description, spec);
  read_config(description, directory);
  return spec;
}

/// The spec of a run of `job`. Error{usage} for a run of another one, which holds no `what`: "trained
/// network".
template <class Spec>
Spec read_spec(const RunDirectory& directory, const std::string& job, const std::string& what) {
  require_job(directory, job, what);
  return read_spec<Spec>(directory);
}

/// Refuses to resume the run at `path`, whose manifest holds the config `before`, by another spec: its bytes
/// are a function of the config. Error{usage} that names the first key whose value differs.
void require_same_config(const nlohmann::json& before, const Description& description,
                         const std::string& path);

/// The values of a job's spec as JSON, which travels in the metadata of what the job writes.
template <class Spec>
std::string config_of(Spec& spec) {
  Description description;
  describe(description, spec);
  return to_json(description).dump();
}

}  // namespace starling::study
