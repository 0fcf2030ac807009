#pragma once
#include <functional>
#include <vector>

#include "starling/study/task_grid.h"
#include "starling/systems/depth/limit_spec.h"

namespace starling::depth {

/// A claim of the catalogue with the function that measures and judges it.
struct KnownClaim {
  study::Claim claim;
  std::function<study::Claim(study::Claim, const LimitStudySpec&, study::Store&)> measure;
};

/// Of the joint table of errors; identities of the limit and its networks; what should not depend on size.
std::vector<KnownClaim> rate_claims();
std::vector<KnownClaim> identity_claims();
std::vector<KnownClaim> flatness_claims();

/// The joint table of errors, a task that several claims share; and whether a claim is one of those.
study::Task shared_table(const LimitStudySpec& spec);
bool reads_table(const study::Claim& claim);

/// Every claim, without values.
std::vector<study::Claim> limit_claims();

/// Measures one claim of the catalogue and gives its verdict.
study::Claim measure(const study::Claim& claim, const LimitStudySpec& spec, study::Store& store);

constexpr const char* limit_paper =
    "W. Gibson, C. Reisinger, \"Uniform Scaling Limits in AdamW-Trained Transformers\", arXiv:2605.11059 "
    "(our "
    "reconstruction: its statements and constants are not known to us)";

}  // namespace starling::depth
