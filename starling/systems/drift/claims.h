#pragma once
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// The spec of `drift`'s study job.
struct StudySpec {
  study::Common common{.system = "drift", .job = "study", .seed = 1};
  std::vector<std::int64_t> particles = {16, 32, 64, 128, 256, 512};
  double horizon = 2;            ///< time at which rates are read
  std::int64_t replicates = 10;  ///< random clouds behind each identity
};

void describe(study::Description& description, StudySpec& spec);

/// Every claim: what it states, its source, how it is measured, what it would take to fail. No values.
std::vector<study::Claim> claim_catalogue();

/// Measures one claim of the catalogue and gives its verdict; figures and local slopes go to the store.
study::Claim measure(const study::Claim& claim, const StudySpec& spec, study::Store& store);

}  // namespace starling::drift
