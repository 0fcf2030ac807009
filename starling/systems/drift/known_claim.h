#pragma once
#include <functional>
#include <vector>

#include "starling/study/task_grid.h"
#include "starling/systems/drift/claims.h"

namespace starling::drift {

/// A claim of the catalogue with the function that measures and judges it.
struct KnownClaim {
  study::Claim claim;
  std::function<study::Claim(study::Claim, const StudySpec&, study::Store&)> measure;
  std::int64_t dimension = 0;  ///< of StudySpec::dimensions; 0 when the claim speaks of none
  /// What it reads of the store: tasks that it shares with other claims; null for none.
  std::function<std::vector<study::Task>(const StudySpec&)> shared{};
};

constexpr const char* rate_paper =
    "K. Balasubramanian, arXiv:2605.22795 (our reconstruction: its constants are not known to us)";

/// Identities, bounds and exact equilibria: one number against rounding level.
std::vector<KnownClaim> identity_claims();

/// Exponents in the number of particles.
std::vector<KnownClaim> rate_claims();

}  // namespace starling::drift
