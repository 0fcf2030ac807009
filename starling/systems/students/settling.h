#pragma once
#include <vector>

#include "starling/systems/students/landscape.h"
#include "starling/systems/students/lane_problem.h"
#include "starling/systems/students/lone_flow.h"

namespace starling::students {

/// Whether students of this size settle many at a time, one in every lane of a vector.
bool fits_lanes(const Landscape& landscape, base::Index n);

/// The teacher and the shape of the students, as the lanes want them. Requires fits_lanes().
LaneProblem lane_problem(const Landscape& landscape, base::Index n, Outgoing outgoing);

enum class DeadNeurons {
  revive,  ///< give them small random weights, and go on (revival.h)
  leave    ///< as the flow leaves them: at w = 0
};

struct SettlingOptions {
  FlowOptions flow{};
  DeadNeurons dead = DeadNeurons::revive;
  std::uint64_t seed = 0;   ///< of the revivals
  std::uint64_t first = 0;  ///< which the first start is among all of the seed
};

/// Follows the gradient flow from each start, all of one shape, to its end. Error{input} as for
/// Landscape::gradient.
std::vector<Settled> settle(const Landscape& landscape, const std::vector<Neurons>& starts, Outgoing outgoing,
                            const SettlingOptions& options = {});

}  // namespace starling::students
