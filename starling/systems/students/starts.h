#pragma once
#include <cstdint>

#include "starling/systems/students/landscape.h"

namespace starling::students {

/// Where a student starts: a function of (seed, index) alone.
///   free outgoing weights   Glorot normal: w ~ N(0, 2/(d + n)), a ~ N(0, 2/(n + 1))       arXiv:2311.01644
///   fixed                   w ~ N(0, 1/k), a = 1                        Safran and Shamir, arXiv:1712.08968
/// k is the number of teachers.
Neurons start(const Landscape& landscape, base::Index n, Outgoing outgoing, std::uint64_t seed,
              std::uint64_t index);

}  // namespace starling::students
