#pragma once
#include <functional>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/pinn/bound_spec.h"
#include "starling/systems/pinn/bound_table.h"

namespace starling::pinn {

/// A claim of the catalogue with the function that measures and judges it.
struct BoundClaim {
  study::Claim claim;
  std::function<study::Claim(study::Claim, const BoundStudySpec&, study::Store&)> measure;
};

/// Of rates in the number of points; of what degree, order, rank and the weak form change; of trained
/// networks.
std::vector<BoundClaim> rate_claims();
std::vector<BoundClaim> growth_claims();
std::vector<BoundClaim> rank_claims();
std::vector<BoundClaim> run_claims();

/// Every claim, without values.
std::vector<study::Claim> bound_claims();

/// Measures one claim of the catalogue and gives its verdict.
study::Claim measure(const study::Claim& claim, const BoundStudySpec& spec, study::Store& store);

/// The terms of the bound for equations of several degrees and orders, over drawn networks.
void record_equation_table(const BoundStudySpec& spec, study::Store& store);

}  // namespace starling::pinn
