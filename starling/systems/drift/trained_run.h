#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/study/system.h"

namespace starling::drift {

/// What to put through a generator.
struct Draw {
  base::Points<float> noise{};         ///< (count, generator.noise); without columns: normal, from `seed`
  std::vector<std::int32_t> labels{};  ///< count classes, or one for all, or none: all classes in turn
  std::int64_t count = 64, seed = 0;
};

/// Samples (count, dimension) in the data's units from the generator of a finished or interrupted train run,
/// with the averaged parameters. Error{usage} when the run holds no generator, for labels that it does not
/// have, and for noise of another width; Error{input} for noise that is not finite and for a damaged run.
base::Points<float> draw(const study::RunDirectory& directory, const Draw& draw);

/// The same written as `request.out` says. Error{usage} for an ending that cannot hold the samples.
void sample(const study::RunDirectory& directory, const study::SampleRequest& request);

/// Writes model.safetensors, config.json and model.onnx into `out` and returns their paths; nothing for a
/// study or moved particles, which have no model. Errors as for `draw`, and Error{input} when `out` cannot be
/// written.
std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out);

}  // namespace starling::drift
