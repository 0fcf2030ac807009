#pragma once
#include <vector>

#include "starling/study/claim_catalogue.h"
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

using KnownClaim = study::KnownClaim<StudySpec>;

constexpr const char* rate_paper =
    "K. Balasubramanian, arXiv:2605.22795 (our reconstruction: its constants are not known to us)";

/// Identities, bounds and exact equilibria: one number against rounding level.
std::vector<KnownClaim> identity_claims();

/// Exponents in the number of particles; those of dimensions that the spec does not name are not asked for.
std::vector<KnownClaim> rate_claims();

/// All of them.
const study::ClaimCatalogue<StudySpec>& catalogue();

}  // namespace starling::drift
