#pragma once
#include <vector>

#include "starling/study/claim_catalogue.h"
#include "starling/systems/depth/limit_spec.h"

namespace starling::depth {

using KnownClaim = study::KnownClaim<LimitStudySpec>;

/// Of the joint table of errors; identities of the limit and its networks; what should not depend on size.
std::vector<KnownClaim> rate_claims();
std::vector<KnownClaim> identity_claims();
std::vector<KnownClaim> flatness_claims();

/// All of them.
const study::ClaimCatalogue<LimitStudySpec>& catalogue();

constexpr const char* limit_paper =
    "W. Gibson, C. Reisinger, \"Uniform Scaling Limits in AdamW-Trained Transformers\", arXiv:2605.11059 "
    "(our reconstruction: its statements and constants are not known to us)";

}  // namespace starling::depth
