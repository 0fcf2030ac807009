#include "starling/systems/muon/claims.h"

#include <algorithm>
#include <iterator>

#include "starling/study/verdicts.h"

namespace starling::muon {
namespace {

const std::vector<KnownClaim>& all() {
  static const std::vector<KnownClaim> known = [] {
    std::vector<KnownClaim> out = map_claims();
    for (auto* more : {cost_claims, flow_claims, chaos_claims, step_claims})
      std::ranges::move(more(), std::back_inserter(out));
    return out;
  }();
  return known;
}

}  // namespace

std::vector<study::Claim> claim_catalogue() {
  std::vector<study::Claim> out;
  for (const KnownClaim& known : all()) out.push_back(known.claim);
  return out;
}

bool reads_flow(const study::Claim& claim) {
  return std::ranges::any_of(
      all(), [&](const KnownClaim& known) { return known.claim.id == claim.id && known.reads_flow; });
}

study::Claim measure(const study::Claim& claim, const FlowSpec& spec, study::Store& store) {
  for (const KnownClaim& known : all()) {
    if (known.claim.id == claim.id) return known.measure(claim, spec, store);
  }
  return claim;
}

study::Claim judge_error(study::Claim claim, study::Store& store, const char* name, double error,
                         double most) {
  store.record(study::Metric{.task = claim.id, .name = name, .value = error});
  return study::judge_limit(std::move(claim), store, name, most);
}

}  // namespace starling::muon
