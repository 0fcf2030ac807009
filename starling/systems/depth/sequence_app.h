#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "starling/study/system.h"

namespace starling::depth {

/// The job `sequence`: a GPT that classifies sequences or learns regressions from prompts; checkpointed and
/// resumable.
std::unique_ptr<study::Application> make_sequence_application();

/// Writes model.safetensors and config.json of such a run into `out`.
std::vector<std::filesystem::path> export_sequence_run(const study::RunDirectory& directory,
                                                       const std::filesystem::path& out);

/// One row a sequence of a file, as csv or npy: probabilities of the classes, or what a prompt's values are
/// predicted to be, each from the examples before it.
void predict_sequences(const study::RunDirectory& directory, const study::PredictRequest& request);

}  // namespace starling::depth
