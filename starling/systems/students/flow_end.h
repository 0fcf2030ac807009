#pragma once
#include <cstdint>

namespace starling::students {

struct FlowOptions {
  double gradient_tolerance = 1e-8;  ///< settled once max |∇L| is below
  double rtol = 1e-5, atol = 1e-7;   ///< of a step, > 0
  double first_step = 1e-2;          ///< of the adaptive time step, > 0
  std::int64_t most_steps = 20'000;  ///< accepted or refused
  double largest_norm = 1e4;         ///< of a neuron's incoming weights; beyond, the student runs away
  /// relu: a neuron with a < 0 and |w| below this has reached w = 0, which it does in finite time; it is held
  /// there.
  double smallest_norm = 1e-5;
};

enum class FlowEnd {
  settled,    ///< max |∇L| < gradient_tolerance
  runaway,    ///< a neuron grew beyond largest_norm
  exhausted,  ///< most_steps were not enough
  lost        ///< the gradient was not finite
};

/// How the flow of one student ended.
struct FlowResult {
  FlowEnd end = FlowEnd::exhausted;
  double time = 0;          ///< of the flow
  double gradient_max = 0;  ///< max |∇L| there, dead neurons apart
  std::int64_t steps = 0;
  std::int64_t deaths = 0;  ///< neurons held at w = 0
};

}  // namespace starling::students
