#include "starling/systems/depth/limit_claims.h"

#include <algorithm>
#include <iterator>

namespace starling::depth {
namespace {

const std::vector<KnownClaim>& all() {
  static const std::vector<KnownClaim> known = [] {
    std::vector<KnownClaim> out = rate_claims();
    for (auto* more : {identity_claims, flatness_claims}) std::ranges::move(more(), std::back_inserter(out));
    return out;
  }();
  return known;
}

}  // namespace

std::vector<study::Claim> limit_claims() {
  std::vector<study::Claim> out;
  for (const KnownClaim& known : all()) out.push_back(known.claim);
  return out;
}

study::Claim measure(const study::Claim& claim, const LimitStudySpec& spec, study::Store& store) {
  const auto found =
      std::ranges::find(all(), claim.id, [](const KnownClaim& known) { return known.claim.id; });
  return found == all().end() ? claim : found->measure(claim, spec, store);
}

}  // namespace starling::depth
