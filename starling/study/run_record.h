#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "starling/study/run_directory.h"

namespace starling::study {

/// The processor as the kernel names it, or "unknown".
std::string cpu_model();

/// Keeps the manifest of a run up to date: version, commit, build, system, job, seed, config, machine,
/// threads, status (running, done, interrupted or failed), seconds (over all resumptions) and, of a run that
/// did not end well, error.
class RunRecord {
 public:
  /// `config` holds system, job and seed. With `resume` the seconds of the manifest that is there count on.
  /// Writes the manifest with status running.
  RunRecord(const RunDirectory& directory, const nlohmann::json& config, bool resume);

  /// Runs `work` and writes how it ended; its error reaches the caller.
  void during(const std::function<void()>& work);

 private:
  void fail(const std::exception& error, const std::string& status);

  const RunDirectory& directory_;
  double seconds_before_ = 0;
  nlohmann::json manifest_;
};

}  // namespace starling::study
