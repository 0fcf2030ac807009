#pragma once
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// The spec of `drift`'s study job.
struct StudySpec {
  study::Common common{.system = "drift", .job = "study", .seed = 1};
  std::vector<std::int64_t> particles = {16, 32, 64, 128, 256, 512};
  std::vector<std::int64_t> samples = {128, 256, 512, 1024, 2048, 4096};  ///< sizes of the occupancy claims
  std::vector<std::int64_t> dimensions = {1, 2, 3};
  std::int64_t seeds = 8;        ///< independent starts behind each mean of a rate
  double beta = 1;               ///< order lost by the quadrature error h^(2 - beta)
  double horizon = 2;            ///< time T at which rates are read
  std::int64_t replicates = 10;  ///< random clouds behind each identity
};

void describe(study::Description& description, StudySpec& spec);

/// Every claim: what it states, its source, how it is measured, what it would take to fail. No values.
std::vector<study::Claim> claim_catalogue();

/// Those of the catalogue that speak of no dimension, or of one among spec.dimensions.
std::vector<study::Claim> selected_claims(const StudySpec& spec);

/// Measures one claim of the catalogue and gives its verdict; metrics, series and figures go to the store.
/// Claims that read the same flow share its series: whichever comes first records them under a task of their
/// own.
study::Claim measure(const study::Claim& claim, const StudySpec& spec, study::Store& store);

}  // namespace starling::drift
