#pragma once
#include <set>
#include <string>
#include <vector>

#include "starling/study/claim_catalogue.h"
#include "study/scratch.h"

namespace starling::study::testing {

/// Every claim has a name of its own, a statement, a source, a measure and a falsifier.
inline void expect_well_stated(const std::vector<Claim>& claims) {
  std::set<std::string> ids;
  EXPECT_FALSE(claims.empty());
  for (const Claim& claim : claims) {
    EXPECT_TRUE(ids.insert(claim.id).second) << claim.id;
    EXPECT_FALSE(claim.statement.empty() || claim.source.empty() || claim.measured_as.empty() ||
                 claim.falsifier.empty())
        << claim.id;
  }
}

/// Claims of a catalogue, measured into the database `path_` of this test.
template <class Spec>
class ClaimsTest : public Scratch {
 protected:
  explicit ClaimsTest(const ClaimCatalogue<Spec>& catalogue) : catalogue_(catalogue) {}

  Claim measured(const std::string& id, const Spec& spec) const {
    Store store(path_);
    for (const Claim& claim : catalogue_.claims()) {
      if (claim.id == id) return catalogue_.measure(claim, spec, store);
    }
    ADD_FAILURE() << "no claim " << id;
    return {};
  }
  std::vector<Claim> all(const Spec& spec) const {
    Store store(path_);
    std::vector<Claim> out;
    for (const Claim& claim : catalogue_.claims()) out.push_back(catalogue_.measure(claim, spec, store));
    return out;
  }

  std::filesystem::path path_ = folder_ / "run.db";

 private:
  const ClaimCatalogue<Spec>& catalogue_;
};

}  // namespace starling::study::testing
