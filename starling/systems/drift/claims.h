#pragma once
#include <string>
#include <vector>

#include "starling/study/task_grid.h"
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

/// What claims share, in the order of the claims, each once; and what one of them reads of it.
std::vector<study::Task> shared_tasks(const StudySpec& spec);
std::vector<std::string> needs(const study::Claim& claim, const StudySpec& spec);

/// Measures one claim of the catalogue and gives its verdict; metrics, series and figures go to the store.
/// What it shares with others and is not done yet is measured first.
study::Claim measure(const study::Claim& claim, const StudySpec& spec, study::Store& store);

}  // namespace starling::drift
