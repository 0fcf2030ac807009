#pragma once
#include <filesystem>
#include <vector>

#include "starling/study/system.h"

namespace starling::drift {

/// Samples from the generator of a finished or interrupted train run, written as `request.out` says.
/// Error{usage} when the run holds no generator, for a label that it does not have, or for an ending that
/// cannot hold the samples.
void sample(const study::RunDirectory& directory, const study::SampleRequest& request);

/// Writes model.safetensors and config.json into `out` and returns their paths. Errors as for `sample`.
std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out);

}  // namespace starling::drift
