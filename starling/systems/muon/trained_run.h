#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "starling/study/system.h"
#include "starling/systems/muon/learner.h"

namespace starling::muon {

/// Parameters by their layers' names, the scales of inputs and targets, the spec in the metadata.
std::string encode_model(TrainSpec& spec, const TrainProblem& problem, const Learner& learner,
                         const LearnerState& state);

/// Writes the whole state atomically: the model and, beside it, what the next step depends on.
void save_checkpoint(const std::filesystem::path& path, TrainSpec& spec, const TrainProblem& problem,
                     const Learner& learner, LearnerState& state);

/// Reads it back. Error{input} when the file is missing, damaged,
/// or of another network or optimiser.
LearnerState load_checkpoint(const std::filesystem::path& path, const Learner& learner);

/// Writes model.safetensors and config.json of a train run into `out`; nothing for a flow.
std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out);

/// The outputs of the trained network for every point of a file, as csv or npy: probabilities of the classes,
/// or the predicted numbers in the data's own units. Error{usage} for a run without a model, points of
/// another width, and another ending.
void predict(const study::RunDirectory& directory, const study::PredictRequest& request);

}  // namespace starling::muon
