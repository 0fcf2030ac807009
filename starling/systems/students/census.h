#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/systems/students/critical_point.h"
#include "starling/systems/students/settling.h"

namespace starling::students {

struct CensusOptions {
  base::Index students = 1;  ///< neurons n, 1 to the number of teachers
  std::int64_t seeds = 1000;
  std::uint64_t seed = 0;
  Outgoing outgoing = Outgoing::free;
  DeadNeurons dead = DeadNeurons::revive;
  FlowOptions flow{};
};

/// The runs that end at one critical point, up to the symmetries of the problem.
struct CensusClass {
  CriticalPoint point;  ///< the first of them that was found, with its spectrum
  std::int64_t count = 0;
  math::MeanInterval share{};  ///< of all runs, with its exact 95% interval
};

/// Where gradient flows from random starts end.
struct Census {
  std::vector<CensusClass> classes;    ///< the most frequent first, then by loss
  std::vector<std::int32_t> class_of;  ///< of each run, a position in `classes`
  double worst_gradient = 0;           ///< max |∇L| over all runs at rest
  double worst_displacement = 0;       ///< of Newton's method, likewise
};

/// Follows the flow from `seeds` starts (starts.h) to its end, polishes each and sorts them into classes
/// (critical_point.h). The bytes are a function of landscape and options alone, without the number of
/// threads. `watch`, when given, hears how many runs are done, and ends the census with Error{interrupted} by
/// returning false. Error{usage} for no student, more students than teachers, or no seed.
Census take_census(const Landscape& landscape, const CensusOptions& options,
                   const std::function<bool(std::int64_t done)>& watch = {});

}  // namespace starling::students
