#pragma once
#include <optional>
#include <string>

#include "starling/systems/students/census_report.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {

/// The loss of the best copy average, where copy averages are critical points: erf, sin, free outgoing
/// weights.
std::optional<double> copy_average_loss(const CensusSpec& spec, std::int64_t students);

/// The perturbed copy, where there is one.
std::optional<PerturbedCopy> perturbed_copy_of(const CensusSpec& spec, std::int64_t students);

/// "minimum, copy average, index 0, 4 live".
std::string describe_class(const CensusClass& one);

void record_shares_figure(const CensusResult& result, study::Store& store);
void record_point_figures(const CensusSpec& spec, const CensusResult& result, study::Store& store);
void record_trace_figures(const CensusSpec& spec, const CensusResult& result, study::Store& store);
void record_saddle_figure(const CensusResult& result, study::Store& store);

}  // namespace starling::students
