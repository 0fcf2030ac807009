#include "starling/systems/drift/claims.h"

namespace starling::drift {

void describe(study::Description& d, StudySpec& spec) {
  study::describe_common(d, spec.common);
  d.section("study", "The sizes over which theory is held against measurement.");
  d.integers("particles", spec.particles, {.minimum = 2, .maximum = 65536},
             "sizes N of the rates along the flow, at least three");
  d.integers("samples", spec.samples, {.minimum = 2, .maximum = 1048576},
             "sizes N of the occupancy of independent points, at least three");
  d.integers("dimensions", spec.dimensions, {.minimum = 1, .maximum = 3},
             "dimensions d of the rates; claims of other dimensions are left out");
  d.integer("seeds", spec.seeds, {.minimum = 1, .maximum = 10000},
            "independent starts behind each mean of a rate");
  d.real("beta", spec.beta, {.minimum = 0, .maximum = 1.9},
         "the claims named beta take h = N^(-1/(d+4-beta)) and the exponent -(2-beta)/(2(d+4-beta))");
  d.real("horizon", spec.horizon, {.minimum = 0, .maximum = 100, .open_minimum = true},
         "time T at which rates are read");
  d.integer("replicates", spec.replicates, {.minimum = 1, .maximum = 10000},
            "random clouds behind each identity");
}

const study::ClaimCatalogue<StudySpec>& catalogue() {
  static const study::ClaimCatalogue<StudySpec> claims{identity_claims(), rate_claims()};
  return claims;
}

}  // namespace starling::drift
