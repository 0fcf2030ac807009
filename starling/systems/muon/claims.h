#pragma once
#include <vector>

#include "starling/study/claim_catalogue.h"
#include "starling/systems/muon/flow_spec.h"

namespace starling::muon {

using KnownClaim = study::KnownClaim<FlowSpec>;

/// Of the map and its potentials; of the maps' costs; of the flow and its integrators; of many particles; and
/// of the discrete optimiser beside its rivals.
std::vector<KnownClaim> map_claims();
std::vector<KnownClaim> cost_claims();
std::vector<KnownClaim> flow_claims();
std::vector<KnownClaim> chaos_claims();
std::vector<KnownClaim> step_claims();

/// All of them.
const study::ClaimCatalogue<FlowSpec>& catalogue();

constexpr const char* paper =
    "A. Mustafi, S. Mukherjee, B. K. Sriperumbudur, \"Move on Muon\", arXiv:2605.23871 (our "
    "reconstruction: its symbols and constants are not known to us)";

/// Records the largest error of an identity and holds it against `most`.
study::Claim judge_error(study::Claim claim, study::Store& store, const char* name, double error,
                         double most);

}  // namespace starling::muon
