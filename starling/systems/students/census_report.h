#pragma once
#include <optional>
#include <string>

#include "starling/study/store.h"
#include "starling/systems/students/census.h"
#include "starling/systems/students/census_spec.h"
#include "starling/systems/students/connections.h"

namespace starling::students {

/// The way of one flow, at the steps of its solver.
struct Trace {
  std::vector<double> times{}, losses{};
  std::vector<Neurons> students{};
};

/// All that was found for one number of students.
struct CensusResult {
  base::Index students = 0;
  Census census{};
  std::optional<Connections> connections{};
  std::vector<Trace> traces{};
};

std::string census_task(std::int64_t students);  ///< "n = 4"

/// Metrics with exact binomial intervals, claims and figures of one census. The figures of single points,
/// overlaps, spectra, ways and saddles are left out when `brief`.
void record_census(const CensusSpec& spec, const CensusResult& result, bool brief, study::Store& store);

/// Figures over all numbers of students, from the metrics that the store holds.
void record_overview(const CensusSpec& spec, study::Store& store);

/// csv with a heading: class, count, share, low, high, loss, label, kind, structure, live, index,
/// smallest_eigenvalue, largest_eigenvalue, gradient.
std::string classes_table(const Census& census);

/// The critical points as npz: w_1, a_1, eigenvalues_1, w_2, ... by class.
std::string critical_points_npz(const Census& census);

}  // namespace starling::students
