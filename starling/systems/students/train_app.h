#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "starling/study/system.h"

namespace starling::students {

/// The job `train`: compresses a network of one hidden layer, checkpointed after every start and resumable.
std::unique_ptr<study::Application> make_train_application();

/// Copies the small networks of a run, and its teacher when the run fitted one, into the folder `out`, as
/// safetensors, with its tables; returns the paths. Error{input} when the run is not finished.
std::vector<std::filesystem::path> export_networks(const study::RunDirectory& directory,
                                                   const std::filesystem::path& out);

}  // namespace starling::students
