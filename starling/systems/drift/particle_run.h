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
  double turning = 0;              ///< running mean, decay 0.9, of the cosine between successive fixed steps
  std::int64_t overshoots = 0;     ///< fixed steps in a row that were long and turned back
};

ParticleState start_particles(const ParticleMethod& method);

/// One fixed step x += eta * v(x), or the solver's way to the next output. The solver starts afresh at each
/// output, so that a resumed run repeats its bytes.
///
/// Error{numerical} when a coordinate is lost, when the cloud leaves a ball of a thousand radii of start and
/// data, or when the cloud jumps to and fro: an explicit step of length eta multiplies a mode of rate λ by 1
/// - eta λ, so too long a one takes back the step before, for ever. Seen as `turning` below -1/2 while the
/// root mean square move is above half a percent of the data's spread, for 50 steps in a row: measured,
/// clouds that settle never do so, and those that do not settle do so from the start. The state is left as it
/// was.
void advance(const ParticlesSpec& spec, const ParticleMethod& method, ParticleState& state);

/// Whether the last fixed step was long, in the sense above, and `turning` is below -0.2: the run goes on,
/// but not by the flow that it was asked for.
bool overshoots(const ParticleMethod& method, const ParticleState& state);

/// Writes the state atomically as safetensors, with `config` (JSON) in the metadata.
void save_particles(const std::filesystem::path& path, const ParticleState& state, const std::string& config);
/// Reads it back. Error{input} when the file is missing, damaged, or not of N points in d dimensions.
ParticleState load_particles(const std::filesystem::path& path, base::Index n, base::Index d);

}  // namespace starling::drift
