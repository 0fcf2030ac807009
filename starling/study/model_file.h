#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "starling/data/safetensors.h"
#include "starling/nets/mlp.h"

namespace starling::study {

/// A file that holds a model: `parameters` cut into the tensors of `blocks`, under their names, so that other
/// tools can load it; `config` (JSON) travels in the metadata.
data::TensorFile model_file(const std::vector<nets::Block>& blocks, std::span<const float> parameters,
                            const std::string& config);

/// Writes what another tool loads, model.safetensors of the bytes `model` and config.json of `config` (JSON),
/// into `out` and returns their paths.
std::vector<std::filesystem::path> export_model(const std::filesystem::path& out, const std::string& model,
                                                const std::string& config);

}  // namespace starling::study
