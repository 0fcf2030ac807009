#include "starling/systems/muon/claims.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

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

class MuonClaims : public testing::Test {
 protected:
  MuonClaims()
      : path_(std::filesystem::temp_directory_path() /
              ("starling-muon-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
               ".db")) {
    std::filesystem::remove(path_);
  }
  ~MuonClaims() override { std::filesystem::remove(path_); }

  study::Claim measured(const std::string& id, const FlowSpec& spec) {
    study::Store store(path_);
    for (const study::Claim& claim : claim_catalogue()) {
      if (claim.id == id) return measure(claim, spec, store);
    }
    ADD_FAILURE() << "no claim " << id;
    return {};
  }

  std::filesystem::path path_;
};

TEST_F(MuonClaims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  std::set<std::string> ids;
  for (const study::Claim& claim : claim_catalogue()) {
    EXPECT_TRUE(ids.insert(claim.id).second) << claim.id;
    EXPECT_FALSE(claim.statement.empty() || claim.source.empty() || claim.measured_as.empty() ||
                 claim.falsifier.empty())
        << claim.id;
  }
}

TEST_F(MuonClaims, HoldOnTheProblemsOfTheJob) {
  for (const Problem problem : {Problem::two_layer, Problem::experts, Problem::least_squares}) {
    FlowSpec spec = small();
    spec.problem = problem;
    for (const study::Claim& claim : claim_catalogue()) {
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
  for (const study::Claim& claim : claim_catalogue()) {
    const bool reads = claim.id == "dissipation-identity" || claim.id == "hamiltonian-falls" ||
                       claim.id == "energy-floor" || claim.id == "speed-limit";
    const bool rises = claim.id == "objective-may-rise";
    if (!reads && !rises) continue;
    EXPECT_EQ(measure(claim, small(), store).verdict,
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
