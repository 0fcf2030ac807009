#include "starling/systems/muon/claims.h"

#include "starling/study/verdicts.h"

namespace starling::muon {

const study::ClaimCatalogue<FlowSpec>& catalogue() {
  static const study::ClaimCatalogue<FlowSpec> claims{map_claims(), cost_claims(), flow_claims(),
                                                      chaos_claims(), step_claims()};
  return claims;
}

study::Claim judge_error(study::Claim claim, study::Store& store, const char* name, double error,
                         double most) {
  store.record(study::Metric{.task = claim.id, .name = name, .value = error});
  return study::judge_limit(std::move(claim), store, name, most);
}

}  // namespace starling::muon
