#include "starling/systems/pinn/bound_claims.h"

namespace starling::pinn {

const study::ClaimCatalogue<BoundStudySpec>& catalogue() {
  static const study::ClaimCatalogue<BoundStudySpec> claims{rate_claims(), growth_claims(), rank_claims(),
                                                            run_claims()};
  return claims;
}

}  // namespace starling::pinn
