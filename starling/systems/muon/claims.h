#pragma once
#include <functional>
#include <vector>

#include "starling/study/task_grid.h"
#include "starling/systems/muon/flow_spec.h"

namespace starling::muon {

/// A claim of the catalogue with the function that measures and judges it.
struct KnownClaim {
  study::Claim claim;
  std::function<study::Claim(study::Claim, const FlowSpec&, study::Store&)> measure;
  bool reads_flow = false;  ///< of shared_flow(), which several claims share
};

/// Of the map and its potentials; of the maps' costs; of the flow and its integrators; of many particles; and
/// of the discrete optimiser beside its rivals.
std::vector<KnownClaim> map_claims();
std::vector<KnownClaim> cost_claims();
std::vector<KnownClaim> flow_claims();
std::vector<KnownClaim> chaos_claims();
std::vector<KnownClaim> step_claims();

/// The flow that several claims read, a task of its own; and whether a claim is one of those.
study::Task shared_flow(const FlowSpec& spec);
bool reads_flow(const study::Claim& claim);

/// Every claim, without values.
std::vector<study::Claim> claim_catalogue();

/// Measures one claim of the catalogue and gives its verdict.
study::Claim measure(const study::Claim& claim, const FlowSpec& spec, study::Store& store);

constexpr const char* paper =
    "A. Mustafi, S. Mukherjee, B. K. Sriperumbudur, \"Move on Muon\", arXiv:2605.23871 (our "
    "reconstruction: its symbols and constants are not known to us)";

/// Records the largest error of an identity and holds it against `most`.
study::Claim judge_error(study::Claim claim, study::Store& store, const char* name, double error,
                         double most);

}  // namespace starling::muon
