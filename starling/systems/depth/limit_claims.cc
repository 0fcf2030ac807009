#include "starling/systems/depth/limit_claims.h"

namespace starling::depth {

const study::ClaimCatalogue<LimitStudySpec>& catalogue() {
  static const study::ClaimCatalogue<LimitStudySpec> claims{rate_claims(), identity_claims(),
                                                            flatness_claims()};
  return claims;
}

}  // namespace starling::depth
