#include "starling/systems/pinn/bound_claims.h"

#include <algorithm>
#include <iterator>

namespace starling::pinn {
namespace {

const std::vector<BoundClaim>& all() {
  static const std::vector<BoundClaim> known = [] {
    std::vector<BoundClaim> out = rate_claims();
    for (auto* more : {growth_claims, rank_claims, run_claims})
      std::ranges::move(more(), std::back_inserter(out));
    return out;
  }();
  return known;
}

}  // namespace

std::vector<study::Claim> bound_claims() {
  std::vector<study::Claim> out;
  for (const BoundClaim& known : all()) out.push_back(known.claim);
  return out;
}

study::Claim measure(const study::Claim& claim, const BoundStudySpec& spec, study::Store& store) {
  const auto found =
      std::ranges::find(all(), claim.id, [](const BoundClaim& known) { return known.claim.id; });
  return found == all().end() ? claim : found->measure(claim, spec, store);
}

}  // namespace starling::pinn
