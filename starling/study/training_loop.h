#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "starling/base/error.h"
#include "starling/study/system.h"

namespace starling::study {

/// Refuses with Error{input} a checkpoint that says a number of steps which its run cannot have done: a loop
/// would go on from there for ever.
inline void require_possible_step(const std::filesystem::path& checkpoint, std::int64_t done,
                                  std::int64_t steps) {
  if (done >= 0 && done <= steps) return;
  throw base::Error(base::ErrorKind::input, checkpoint.string() + ": damaged: " + std::to_string(done) +
                                                " steps are done; expected 0 to " + std::to_string(steps));
}

/// What every checkpointed training does around its steps. A state has a member `step`, the number of those
/// done. What a step measured must reach the store before the checkpoint reaches the disk: then a kill
/// between the two only repeats steps, and repeating them repeats the bytes.
struct TrainingLoop {
  RunContext& context;
  std::string task;
  std::int64_t steps, checkpoint_every;
  std::string remedy = "a smaller train.rate or train.clip may help";  ///< said where a step fails

  /// The state to go on from: `load(path)` of the checkpoint when the run is resumed and has one, else
  /// `fresh()`. Forgets what was recorded of later steps. Error{input} for a checkpoint of impossible steps.
  template <class Fresh, class Load>
  auto begin(Fresh fresh, Load load) const {
    if (!context.resume || !has_checkpoint()) {
      context.store.remove_after(task, -1);
      return fresh();
    }
    auto state = load(context.directory.checkpoint());
    require_possible_step(context.directory.checkpoint(), state.step, steps);
    context.store.remove_after(task, state.step - 1);
    context.progress.message("resumed at step " + std::to_string(state.step));
    return state;
  }

  /// step(), whose error then says where the last good checkpoint is.
  template <class Step>
  auto attempt(Step step) const {
    try {
      return step();
    } catch (const base::Error& error) {
      throw base::Error(error.kind(), std::string(error.what()) + "; " +
                                          (has_checkpoint() ? "last good checkpoint: " +
                                                                  context.directory.checkpoint().string()
                                                            : "no checkpoint had been written yet") +
                                          "; " + remedy);
    }
  }

  /// save() when a checkpoint is due, at the end, and when the user asked to stop: then Error{interrupted}.
  template <class Save>
  void end_step(std::int64_t done, double loss, Save save) const {
    const bool stop = context.interrupted();
    if (done % checkpoint_every == 0 || done == steps || stop) save();
    context.progress.update(done, {{"loss", loss}});
    if (stop) {
      throw base::Error(base::ErrorKind::interrupted,
                        "interrupted after step " + std::to_string(done) + "; continue with --resume");
    }
  }

 private:
  bool has_checkpoint() const { return std::filesystem::exists(context.directory.checkpoint()); }
};

}  // namespace starling::study
