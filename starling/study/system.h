#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "starling/comm/communicator.h"
#include "starling/study/description.h"
#include "starling/study/progress.h"
#include "starling/study/run_directory.h"
#include "starling/study/spec_file.h"
#include "starling/study/store.h"

namespace starling::study {

/// What a run may use. The spec, with its seed, has been read already.
struct RunContext {
  const RunDirectory& directory;
  Store& store;
  Progress& progress;
  bool resume = false;
  std::function<bool()>
      interrupted;  ///< true once the user asked to stop: save a checkpoint, throw Error{interrupted}
  comm::Communicator& communicator = comm::alone();  ///< the ranks that run this together
};

/// What several ranks do with a run.
enum class OverRanks {
  alone,  ///< rank 0 runs, the others wait
  /// Every rank calls run(), which shares tasks through context.communicator (run_tasks). Only rank 0 has the
  /// run's directory and store; the others have an empty store, and what they record is lost.
  tasks,
  /// Every rank does the same on a copy of the run, in step; loops in the kernels are shared
  /// (comm::SharedLoop). interrupted() is rank 0's answer, and all ranks must ask it alike.
  mirror
};

/// One spec of one system: described, planned, run.
class Application {
 public:
  virtual ~Application() = default;
  virtual void describe(Description& description) = 0;  ///< binds this object's spec, `Common` included
  virtual std::string
  plan() = 0;  ///< reads the input and says what would run and what it costs; throws Error
  virtual void run(RunContext& context) = 0;
  virtual OverRanks over_ranks() const { return OverRanks::alone; }
};

struct SampleRequest {
  std::int64_t count = 64;
  std::int64_t label = -1;  ///< a class, or -1 for all in turn
  std::int64_t seed = 0;
  double guidance = 1;  ///< strength of classifier-free guidance, where the run learned it
  std::filesystem::path
      noise{};                  ///< an npy file of (samples, noise) in place of `count` and `seed`; or empty
  std::filesystem::path out{};  ///< .npy, .csv or .png; a text file, where the model writes text, or empty
  double temperature = 1;       ///< of text: of the softmax; 0 takes the likeliest
  std::int64_t top_k = 0;       ///< of text: only among the likeliest; 0: among all
  std::string prompt{};         ///< what text begins with
};

struct PredictRequest {
  std::string input{};          ///< a file of points as data::load_dataset reads them, or a text
  std::filesystem::path out{};  ///< .npy or .csv; may be empty for a text
};

/// What the command line and Python know of a system.
struct System {
  std::string name, summary;
  /// What it can be asked for. Every system knows its first as `train` and its second as `study` (job_of).
  std::vector<std::string> jobs;
  std::function<std::unique_ptr<Application>(const std::string& job)> make;
  std::function<std::vector<Claim>()> claims;  ///< the catalogue: no values yet
  /// Writes a run's model into the folder `out` and returns the paths; none for a run without a model.
  std::function<std::vector<std::filesystem::path>(const RunDirectory&, const std::filesystem::path& out)>
      export_run;
  /// Draws from a trained model; empty for a system whose models do not sample.
  std::function<void(const RunDirectory&, const SampleRequest&)> sample{};
  /// A trained model's outputs for the user's points; empty for a system whose models do not predict.
  std::function<void(const RunDirectory&, const PredictRequest&)> predict{};
};

}  // namespace starling::study
