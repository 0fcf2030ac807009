#pragma once
#include <vector>

#include "starling/systems/students/census_report.h"

namespace starling::students {

/// What the claims of a census state, their sources and how they are measured, without values.
std::vector<study::Claim> census_claims();

/// The claims of one number of students, whose ids end in ".nN".
void record_census_claims(const CensusSpec& spec, const CensusResult& result, study::Store& store);

/// The claims of the teachers alone: thresholds, partitions, the closed form, the conservation law.
void record_theory_claims(const CensusSpec& spec, study::Store& store);

bool at_rest(const CriticalPoint& point);  ///< a minimum, a saddle, or one of fewer neurons

/// The lowest loss of a point at rest; infinite without one.
double lowest_loss(const Census& census);

}  // namespace starling::students
