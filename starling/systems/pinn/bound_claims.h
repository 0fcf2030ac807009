#pragma once
#include <vector>

#include "starling/study/claim_catalogue.h"
#include "starling/systems/pinn/bound_spec.h"
#include "starling/systems/pinn/bound_table.h"

namespace starling::pinn {

using KnownClaim = study::KnownClaim<BoundStudySpec>;

/// Of rates in the number of points; of what degree, order, rank and the weak form change; of trained
/// networks.
std::vector<KnownClaim> rate_claims();
std::vector<KnownClaim> growth_claims();
std::vector<KnownClaim> rank_claims();
std::vector<KnownClaim> run_claims();

/// All of them.
const study::ClaimCatalogue<BoundStudySpec>& catalogue();

/// The terms of the bound for equations of several degrees and orders, over drawn networks.
void record_equation_table(const BoundStudySpec& spec, study::Store& store);

}  // namespace starling::pinn
