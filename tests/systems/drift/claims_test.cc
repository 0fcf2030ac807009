#include "starling/systems/drift/claims.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "starling/systems/drift/observables.h"

namespace starling::drift {
namespace {

class Claims : public testing::Test {
 protected:
  Claims()
      : path_(std::filesystem::temp_directory_path() /
              ("starling-claims-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".db")) {
    std::filesystem::remove(path_);
  }
  ~Claims() override { std::filesystem::remove(path_); }

  study::Claim measured(const std::string& id, const StudySpec& spec) {
    study::Store store(path_);
    for (const study::Claim& claim : claim_catalogue()) {
      if (claim.id == id) return measure(claim, spec, store);
    }
    ADD_FAILURE() << "no claim " << id;
    return {};
  }

  std::filesystem::path path_;
};

TEST_F(Claims, StateTheirSourceTheirMeasureAndTheirFalsifier) {
  for (const study::Claim& claim : claim_catalogue()) {
    EXPECT_FALSE(claim.statement.empty() || claim.source.empty() || claim.measured_as.empty() ||
                 claim.falsifier.empty())
        << claim.id;
  }
}

TEST_F(Claims, IdentitiesHoldOnRandomClouds) {
  StudySpec spec;
  spec.replicates = 2;
  for (const char* id : {"conservative-fields", "decomposition", "entropy-identity", "kl-identity",
                         "laplace-residual", "step-guarantee", "two-particles"}) {
    const study::Claim claim = measured(id, spec);
    EXPECT_EQ(claim.verdict, study::Verdict::holds) << id << ": " << claim.value.value_or(-1);
  }
}

// The slopes and intervals were found by an independent program: -0.2131 ± 0.0057 and -0.170 ± 0.032.
TEST_F(Claims, FisherRateInOneDimensionHasThePublishedSlope) {
  const study::Claim claim = measured("fisher-rate-1", {});
  EXPECT_NEAR(claim.value.value(), -0.2131, 5e-5);
  EXPECT_NEAR((claim.upper.value() - claim.lower.value()) / 2, 0.0057, 5e-5);
  EXPECT_EQ(claim.verdict, study::Verdict::holds);
}

TEST_F(Claims, FisherRateInTwoDimensionsIsInconclusiveWithSixSizes) {
  const study::Claim claim = measured("fisher-rate-2", {});
  EXPECT_NEAR(claim.value.value(), -0.170, 5e-4);
  EXPECT_NEAR((claim.upper.value() - claim.lower.value()) / 2, 0.032, 5e-4);
  EXPECT_EQ(claim.verdict, study::Verdict::inconclusive);
}

TEST_F(Claims, WithoutPowerARateIsInconclusive) {
  StudySpec spec;
  spec.particles = {16, 18, 20};
  EXPECT_EQ(measured("fisher-rate-2", spec).verdict, study::Verdict::inconclusive);
}

}  // namespace
}  // namespace starling::drift
