#pragma once
#include <filesystem>
#include <string>

#include "starling/systems/drift/particle_method.h"

namespace starling::drift {

/// Everything that a particles run must remember; checkpointable and complete.
struct ParticleState {
  base::Points<double> x;          ///< (N, d), in the method's units
  base::Points<double> last_move;  ///< (N, d), zeros before the first
  std::int64_t moves = 0;          ///< fixed steps done, or outputs reached
  std::int64_t reversals = 0;      ///< successive moves that took back the one before
};

ParticleState start_particles(const ParticleMethod& method);

/// One fixed step x += eta * v(x), or the solver's way to the next output. The solver starts afresh at each
/// output, so that a resumed run repeats its bytes.
///
/// Error{numerical} when a coordinate is lost, when the cloud leaves a ball of a thousand radii of start and
/// data, or when 20 fixed steps in a row take back at least 0.95 of the step before while they are still long
/// (above 1e-5 of the data's spread): an explicit step of length eta multiplies a mode of rate λ by 1 - eta
/// λ, so the cloud then jumps to and fro and never arrives. The state is left as it was.
void advance(const ParticlesSpec& spec, const ParticleMethod& method, ParticleState& state);

/// Writes the state atomically as safetensors, with `config` (JSON) in the metadata.
void save_particles(const std::filesystem::path& path, const ParticleState& state, const std::string& config);
/// Reads it back. Error{input} when the file is missing, damaged, or not of N points in d dimensions.
ParticleState load_particles(const std::filesystem::path& path, base::Index n, base::Index d);

}  // namespace starling::drift
