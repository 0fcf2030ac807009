#pragma once
#include <cstddef>
#include <vector>

namespace starling::students {

/// The activations whose Gaussian averages are cheap enough for one student a lane.
enum class LaneActivation { erf, phi, relu };

/// A coordinate of a teacher's neuron that is not zero.
struct LaneEntry {
  std::ptrdiff_t index;
  double value;
};

/// A teacher's neuron. Few entries make it cheap: an orthonormal teacher has one each.
struct LaneTeacher {
  std::vector<LaneEntry> entries;  ///< by ascending index
  double square = 0;               ///< |v|²
  double outgoing = 0;             ///< b
};

/// What the students of all lanes share. Free of Eigen, as the vector code is compiled for any processor.
struct LaneProblem {
  std::ptrdiff_t students = 0, dimension = 0;
  bool free = true;  ///< whether outgoing weights move
  LaneActivation activation = LaneActivation::erf;
  std::vector<LaneTeacher> teachers;

  std::ptrdiff_t parameters() const { return students * (dimension + (free ? 1 : 0)); }
};

}  // namespace starling::students
