#pragma once
#include <filesystem>

#include "starling/systems/drift/generator.h"

namespace starling::drift {

/// Writes the whole state atomically as safetensors: averaged parameters under their layers' names, so that
/// other tools can load the model, and the optimiser's state beside them. `config` (JSON) travels in the
/// metadata.
void save_checkpoint(const std::filesystem::path& path, const nets::Mlp<float>& network,
                     GeneratorState& state, const std::string& config);

/// Reads it back. Error{input} when the file is missing, damaged,
/// or of another network or optimiser.
GeneratorState load_checkpoint(const std::filesystem::path& path, const Generator& generator);

/// The model alone: averaged parameters by layer, with `config` in the metadata.
std::string encode_model(const nets::Mlp<float>& network, const std::vector<float>& parameters,
                         const std::string& config);

}  // namespace starling::drift
