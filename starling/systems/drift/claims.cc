#include "starling/systems/drift/claims.h"

#include <algorithm>
#include <iterator>

#include "starling/systems/drift/known_claim.h"

namespace starling::drift {
namespace {

const std::vector<KnownClaim>& all() {
  static const std::vector<KnownClaim> known = [] {
    std::vector<KnownClaim> out = identity_claims();
    std::ranges::move(rate_claims(), std::back_inserter(out));
    return out;
  }();
  return known;
}

}  // namespace

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

std::vector<study::Claim> claim_catalogue() {
  std::vector<study::Claim> out;
  for (const KnownClaim& known : all()) out.push_back(known.claim);
  return out;
}

std::vector<study::Claim> selected_claims(const StudySpec& spec) {
  std::vector<study::Claim> out;
  for (const KnownClaim& known : all()) {
    if (known.dimension == 0 || std::ranges::count(spec.dimensions, known.dimension) > 0)
      out.push_back(known.claim);
  }
  return out;
}

std::vector<study::Task> shared_tasks(const StudySpec& spec) {
  std::vector<study::Task> out;
  for (const study::Claim& claim : selected_claims(spec)) {
    const KnownClaim& known = *std::ranges::find(all(), claim.id, [](const auto& k) { return k.claim.id; });
    if (!known.shared) continue;
    for (study::Task& task : known.shared(spec)) {
      if (std::ranges::find(out, task.name, &study::Task::name) == out.end()) out.push_back(std::move(task));
    }
  }
  return out;
}

std::vector<std::string> needs(const study::Claim& claim, const StudySpec& spec) {
  std::vector<std::string> out;
  for (const KnownClaim& known : all()) {
    if (known.claim.id != claim.id || !known.shared) continue;
    for (const study::Task& task : known.shared(spec)) out.push_back(task.name);
  }
  return out;
}

study::Claim measure(const study::Claim& claim, const StudySpec& spec, study::Store& store) {
  for (const KnownClaim& known : all()) {
    if (known.claim.id == claim.id) return known.measure(claim, spec, store);
  }
  return claim;
}

}  // namespace starling::drift
