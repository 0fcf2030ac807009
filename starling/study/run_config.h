#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "starling/study/description.h"
#include "starling/study/run_directory.h"

namespace starling::study {

/// The job of a run by its manifest; empty in a damaged one.
std::string job_of(const RunDirectory& directory);

/// Sets every described field to what the run's manifest holds. Error{input} that names the key which the
/// manifest lacks, or whose value does not fit.
void read_config(Description& description, const RunDirectory& directory);

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
