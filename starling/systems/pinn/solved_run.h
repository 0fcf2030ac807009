#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "starling/study/system.h"
#include "starling/systems/pinn/problem.h"

namespace starling::pinn {

/// The network as tensors layers.0.weight (outputs, inputs), layers.0.bias, ... in double precision, those of
/// windows of time as windows.0.layers.0.weight, ...; learned coefficients under their names, and the config
/// in the metadata.
std::string encode_model(SolveSpec& spec, const Problem& problem, std::span<const double> parameters);

/// Writes model.safetensors and config.json of a run of the job solve into `out`; nothing for bounds.
std::vector<std::filesystem::path> export_run(const study::RunDirectory& directory,
                                              const std::filesystem::path& out);

/// Quantities at the user's points: columns of the axes in, of the quantities out. Error{usage} for a run
/// without a solution and for points of another width.
void predict(const study::RunDirectory& directory, const study::PredictRequest& request);

}  // namespace starling::pinn
