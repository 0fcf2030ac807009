#pragma once
#include <cstdint>

#include "starling/base/matrix.h"

namespace starling::drift {

/// How a kernel's scale is found: a scale of the spec is multiplied by the length that the rule gives.
enum class BandwidthRule {
  fixed,       ///< 1: scales are in the units of the data
  median,      ///< the median distance between two data points (Gretton et al., JMLR 13, 2012)
  neighbours,  ///< the mean distance of a data point to its nearest neighbours, winsorised at 5% and 95%
  rate         ///< N^(-1/(d+4)), N the number of particles: Silverman's rate, and that of arXiv:2605.22795
};

struct BandwidthSpec {
  BandwidthRule rule = BandwidthRule::fixed;
  std::int64_t neighbours = 5;  ///< of the rule `neighbours`, >= 1
};

/// The rule's length, > 0, for the data y (M, d) and N particles: a pure function of its arguments. Of more
/// than 2,000 data points `median` looks at 2,000, evenly spaced by row, and `neighbours` at their neighbours
/// among all. Error{input} when the rule needs more points than there are, or when so many coincide that the
/// length is 0.
double bandwidth_length(const BandwidthSpec& spec, const base::PointsRef<double>& y, std::int64_t particles);

}  // namespace starling::drift
