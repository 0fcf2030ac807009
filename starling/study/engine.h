#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "starling/study/system.h"

namespace starling::study {

struct RunOptions {
  std::vector<std::string> overrides{};  ///< "section.key=value"
  std::filesystem::path out{};
  bool resume = false;
  int threads = 0;  ///< 0: all cores
  Progress::Style progress = Progress::Style::quiet;
  std::function<bool()> interrupted = [] { return false; };
  comm::Communicator* communicator = &comm::alone();  ///< the ranks; all call run_spec with the same options
  std::function<void(const RunDirectory&)> report{};  ///< draws the page once the run is done
};

/// The system of that name. Error{usage} with the nearest name.
const System& find_system(const std::vector<const System*>& systems, const std::string& name);

/// The job that a name means: one of system.jobs by its own name, the first by `train`, the second by
/// `study`. Error{usage}, which begins with `place`, with the nearest name.
std::string job_of(const System& system, const std::string& name, const std::string& place = "");

/// The system that made a run, by its manifest. Error{input} when that names none.
const System& system_of(const std::vector<const System*>& systems, const RunDirectory& directory);

/// Uses the model of a run. Error{usage} when its system has none that can, with what it has.
void sample_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                const SampleRequest& request);
void predict_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                 const PredictRequest& request);

/// Writes the numbers of a run as tables, and its model where it has one, into the folder `out`, which is
/// made where it is missing: the paths as they are written. Error{input} when it cannot be made.
void export_run(const std::vector<const System*>& systems, const RunDirectory& directory,
                const std::filesystem::path& out,
                const std::function<void(const std::filesystem::path&)>& written);

/// An application with its spec read and overridden. Error{usage} with file, line, column.
std::unique_ptr<Application> load(const std::vector<const System*>& systems, const std::string& text,
                                  const std::string& file_name, const std::vector<std::string>& overrides);

/// Runs a spec into options.out and writes manifest (see RunRecord), database and report. A run that does not
/// end well leaves its last checkpoint, and the error reaches the caller. `resume` is refused with
/// Error{usage} that names the first key whose value differs from the run's. Where there are several ranks
/// only rank 0 touches the directory; an error of rank 0 leaves the others waiting, and its caller must
/// abort.
RunDirectory run_spec(const std::vector<const System*>& systems, const std::string& text,
                      const std::string& file_name, const RunOptions& options);

}  // namespace starling::study
