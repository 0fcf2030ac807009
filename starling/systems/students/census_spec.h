#pragma once
#include <cstdint>
#include <vector>

#include "starling/study/spec_file.h"
#include "starling/systems/students/settling.h"

namespace starling::students {

/// The spec of `students`' census job: where gradient flows end, for each number of students.
struct CensusSpec {
  study::Common common{.system = "students", .job = "census", .seed = 1};
  Activation activation = Activation::erf;
  std::int64_t teachers = 5;
  std::int64_t dimension = 0;  ///< 0: one more than the teachers
  std::vector<std::int64_t> students = {1, 2, 3, 4};
  Outgoing outgoing = Outgoing::free;
  std::int64_t seeds = 1000;
  DeadNeurons dead = DeadNeurons::revive;
  std::int64_t searches = 10;  ///< for saddles; 0: none
  std::int64_t traces = 4;     ///< flows whose way is drawn
};

void describe(study::Description& description, CensusSpec& spec);

/// Error{usage} for keys that are each in range but do not go together.
void require_consistent(const CensusSpec& spec);

base::Index dimension_of(const CensusSpec& spec);
Landscape landscape_of(const CensusSpec& spec);  ///< orthonormal teachers, b = 1

}  // namespace starling::students
