#include "starling/study/claim_catalogue.h"

#include <gtest/gtest.h>

#include "study/scratch.h"

namespace starling::study {
namespace {

struct Asked {
  bool rare = false;
};

// Two claims that read one table, and one that only some specs ask for.
class Catalogue : public testing::Scratch {
 protected:
  static Claim of(const char* id) { return {.id = id, .statement = "s"}; }
  std::vector<KnownClaim<Asked>> readers() {
    const auto read = [](Claim claim, const Asked&, Store& store) {
      claim.value = store.metrics().at(0).value;
      return claim;
    };
    const auto table = [this](const Asked&) {
      return std::vector<Task>{{"table", [this](TaskContext& task) {
                                  ++tables_;
                                  task.store.record(Metric{.task = "table", .name = "m", .value = 7});
                                }}};
    };
    return {{of("first"), read, table}, {of("second"), read, table}};
  }
  std::vector<KnownClaim<Asked>> rare() {
    return {{of("rare"),
             [](Claim claim, const Asked&, Store& store) {
               claim.value = static_cast<double>(store.metrics().size());
               return claim;
             },
             {},
             [](const Asked& spec) { return spec.rare; }}};
  }
  static std::vector<std::string> names(const std::vector<Claim>& claims) {
    std::vector<std::string> out;
    for (const Claim& claim : claims) out.push_back(claim.id);
    return out;
  }

  int tables_ = 0;
  RunDirectory directory_ = RunDirectory::open(folder_ / "run", false);
  Store store_{directory_.database()};
  Progress progress_{Progress::Style::quiet};
  RunContext context_{directory_, store_, progress_, false, [] { return false; }};
};

TEST_F(Catalogue, MeasuresOnceWhatClaimsShareAndGivesItToThemAlone) {
  const ClaimCatalogue<Asked> claims{readers(), rare()};
  const Asked spec{.rare = true};
  bool further = false;
  claims.run(context_, spec, {{"further", [&](TaskContext&) { further = tables_ == 1; }}});
  EXPECT_EQ(tables_, 1);
  EXPECT_TRUE(further);  // after the table, before the claims
  ASSERT_EQ(store_.claims().size(), 3U);
  for (const Claim& claim : store_.claims()) EXPECT_EQ(claim.value, claim.id == "rare" ? 0 : 7) << claim.id;
}

TEST_F(Catalogue, LeavesOutWhatASpecDoesNotAskFor) {
  const ClaimCatalogue<Asked> claims{readers(), rare()};
  EXPECT_EQ(names(claims.claims()), (std::vector<std::string>{"first", "second", "rare"}));
  EXPECT_EQ(names(claims.claims({})), (std::vector<std::string>{"first", "second"}));
  const Asked spec;
  claims.run(context_, spec);
  EXPECT_EQ(store_.claims().size(), 2U);
}

TEST_F(Catalogue, GivesAClaimThatItDoesNotKnowBackAsItIs) {
  const ClaimCatalogue<Asked> claims{rare()};
  EXPECT_FALSE(claims.measure(of("other"), {}, store_).value);
  EXPECT_EQ(claims.measure(of("rare"), {}, store_).value, 0);
}

}  // namespace
}  // namespace starling::study
