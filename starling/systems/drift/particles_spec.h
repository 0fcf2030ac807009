#pragma once
#include <string>
#include <vector>

#include "starling/systems/drift/spec.h"

namespace starling::drift {

enum class TargetLaw { data, normal };
enum class Method { displacement, toy, paper, release, conservative, sharp, mmd, svgd, sliced, kl };
enum class Integrator { steps, adaptive };

struct TargetSpec {
  TargetLaw law = TargetLaw::data;
  double variance = 1;         ///< of the normal N(0, variance I)
  std::int64_t dimension = 2;  ///< of the normal
  std::int64_t points =
      1000;  ///< data that pull: draws of a built-in set or of the normal; at most, of a file
};

struct CloudSpec {
  std::int64_t count = 500;
  double start_mean = 0, start_scale = 1;  ///< independent normal coordinates, in the method's units
};

/// Which velocity moves the particles. The scales of `drift` are shared with the train job; its `field` and
/// `step` are not used.
struct MethodSpec {
  Method kind = Method::conservative;
  DriftSpec drift{.kernel = Kernel::gaussian, .temperatures = {0.15}};
  double score_scale =
      0;             ///< svgd towards data: bandwidth of the density whose score it takes; 0: the kernel's
  double noise = 0;  ///< mmd: standard deviation of the noise injected into the places of reading
  std::int64_t directions = 64;  ///< of sliced
};

struct MotionSpec {
  Integrator integrator = Integrator::steps;
  std::int64_t steps = 400;
  double eta = 0.01;  ///< x += eta * v(x)
  double horizon = 5;
  std::int64_t outputs = 25;  ///< evenly spaced in (0, horizon]
  std::vector<double> times;  ///< instead of horizon and outputs
  double rtol = 1e-6, atol = 1e-9;
  std::int64_t checkpoint_every = 100;
};

struct WatchSpec {
  std::int64_t records = 25;  ///< how often a run of fixed steps is measured
  std::int64_t evaluation = 2000;
  std::int64_t sample = 20000;  ///< particles that measures of all pairs look at
  bool fisher = true;
};

/// The spec of `drift`'s particles job: no network; the cloud itself moves.
struct ParticlesSpec {
  study::Common common{.system = "drift", .job = "particles", .seed = 1};
  DataSpec data;
  TargetSpec target;
  CloudSpec cloud;
  MethodSpec method;
  MotionSpec motion;
  WatchSpec watch;
};

void describe(study::Description& description, ParticlesSpec& spec);

/// Error{usage} for keys that are each in range but do not go together.
void require_consistent(const ParticlesSpec& spec);

std::string name_of(Method method);
/// Whether the method's kernel is exp(-r²/2h²): by choice, or by definition.
bool is_gaussian(const MethodSpec& spec);
/// Whether the method has a kernel at all.
bool has_kernel(Method method);

/// How often the cloud is moved: fixed steps, or outputs of the solver.
std::int64_t move_count(const MotionSpec& spec);
/// The flow's time after so many moves, 0 at the start.
double time_after(const MotionSpec& spec, std::int64_t moves);

}  // namespace starling::drift
