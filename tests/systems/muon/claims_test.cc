#include "starling/systems/muon/claims.h"

#include <gtest/gtest.h>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "study/claims_test.h"

namespace starling::muon {
namespace {

// A study small enough for a test.
FlowSpec small() {
  FlowSpec spec;
  spec.particles = 4;
  spec.horizon = 4;
  spec.replicates = 4;
  spec.chaos_particles = {8, 16, 32};
  spec.chaos_replicates = 6;
  spec.chaos_reference = 400;
  return spec;
}

class MuonClaims : public study::testing::ClaimsTest<FlowSpec> {
 protected:
  MuonClaims() : ClaimsTest(catalogue()) {}
};

TEST_F(MuonClaims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  study::testing::expect_well_stated(catalogue().claims());
}

TEST_F(MuonClaims, HoldOnTheProblemsOfTheJob) {
  for (const Problem problem : {Problem::two_layer, Problem::experts, Problem::least_squares}) {
    FlowSpec spec = small();
    spec.problem = problem;
    for (const study::Claim& claim : catalogue().claims()) {
      const study::Claim judged = measured(claim.id, spec);
      EXPECT_NE(judged.verdict, study::Verdict::fails) << claim.id;
      if (claim.id != "chaos-sampled" && claim.id != "chaos-two-atoms" && claim.id != "objective-may-rise" &&
          !claim.id.starts_with("order-")) {
        EXPECT_EQ(judged.verdict, study::Verdict::holds) << claim.id;
      }
    }
    std::filesystem::remove(path_);
  }
}

TEST_F(MuonClaims, ThatReadTheFlowFailWhereItsNumbersBreakThem) {
  study::Store store(path_);
  store.record(study::Metric{.task = "flow", .name = "balance residual", .value = 1e-3});
  store.record(study::Metric{.task = "flow", .name = "largest rise of H", .value = 1e-3});
  store.record(study::Metric{.task = "flow", .name = "below the bound", .value = 1e-3});
  store.record(study::Metric{.task = "flow", .name = "speed", .value = 1.5});
  store.record(study::Metric{.task = "flow", .name = "largest climb of J", .value = 0});
  store.mark_done("flow");
  for (const study::Claim& claim : catalogue().claims()) {
    const bool reads = claim.id == "dissipation-identity" || claim.id == "hamiltonian-falls" ||
                       claim.id == "energy-floor" || claim.id == "speed-limit";
    const bool rises = claim.id == "objective-may-rise";
    if (!reads && !rises) continue;
    EXPECT_EQ(catalogue().measure(claim, small(), store).verdict,
              reads ? study::Verdict::fails : study::Verdict::inconclusive)
        << claim.id;
  }
}

TEST_F(MuonClaims, AreTheSameForAnyNumberOfThreads) {
  for (const char* id : {"chaos-sampled", "dissipation-identity", "rotation-muon"}) {
    const study::Claim many = measured(id, small());
    std::filesystem::remove(path_);
    const base::ThreadLimit limit(1);
    const study::Claim one = measured(id, small());
    std::filesystem::remove(path_);
    EXPECT_EQ(many.value, one.value) << id;
    EXPECT_EQ(many.lower, one.lower) << id;
  }
}

TEST_F(MuonClaims, RefuseSettingsThatDoNotGoTogether) {
  FlowSpec spec = small();
  spec.dt = 1;
  EXPECT_THROW(require_consistent(spec), base::Error);
  spec = small();
  spec.chaos_particles = {4, 8};
  EXPECT_THROW(require_consistent(spec), base::Error);
  spec.chaos_particles = {8, 4, 16};
  EXPECT_THROW(require_consistent(spec), base::Error);
}

}  // namespace
}  // namespace starling::muon
