#include "starling/systems/drift/claims.h"

#include <gtest/gtest.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <set>

#include "starling/base/parallel.h"
#include "starling/systems/drift/cloud_measures.h"
#include "study/claims_test.h"

namespace starling::drift {
namespace {

class Claims : public study::testing::ClaimsTest<StudySpec> {
 protected:
  Claims() : ClaimsTest(catalogue()) {}
};

TEST_F(Claims, StateTheirSourceTheirMeasureAndTheirFalsifierUnderDistinctNames) {
  study::testing::expect_well_stated(catalogue().claims());
}

TEST_F(Claims, OfOtherDimensionsAreLeftOut) {
  StudySpec spec;
  spec.dimensions = {2};
  std::set<std::string> ids;
  for (const study::Claim& claim : catalogue().claims(spec)) ids.insert(claim.id);
  EXPECT_TRUE(ids.contains("entropy-identity") && ids.contains("gaussian-limit"));
  EXPECT_TRUE(ids.contains("fisher-rate-2") && ids.contains("occupancy-normal-2"));
  EXPECT_FALSE(ids.contains("fisher-rate-1") || ids.contains("fisher-rate-iid-3"));
}

TEST_F(Claims, IdentitiesHoldOnRandomClouds) {
  StudySpec spec;
  spec.replicates = 2;
  for (const char* id :
       {"conservative-fields", "decomposition", "displacement-curl", "entropy-identity", "gaussian-mean",
        "kl-identity", "mismatch-share", "step-guarantee", "two-particles"}) {
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

// The ends of the same table, to eight digits: a noiseless start in one dimension, N = 16 and 512.
TEST_F(Claims, TheNoiselessFlowLeavesThePublishedFisherAndSelfTerm) {
  StudySpec spec;
  spec.particles = {16, 64, 512};
  measured("fisher-rate-1", spec);
  const study::Store store(path_);
  const auto self = store.series("noiseless starts, d = 1", "root self term");
  EXPECT_NEAR(self.front().value * self.front().value / .57929928, 1, 1e-6);
  EXPECT_NEAR(self.back().value * self.back().value / .19905753, 1, 1e-6);
  const auto fisher = store.series("noiseless starts, d = 1", "root smoothed fisher");
  EXPECT_NEAR(fisher.front().value * fisher.front().value / .02701079, 1, 1e-6);
  EXPECT_NEAR(fisher.back().value * fisher.back().value / .00612638, 1, 1e-6);
}

TEST_F(Claims, OfOneFlowShareItsSeriesAndOneFigureAnObservable) {
  StudySpec spec;
  spec.particles = {8, 16, 32};
  spec.seeds = 2;
  measured("centre-rate-iid-1", spec);
  const study::Store store(path_);
  for (const char* size : {"8", "16", "32"})
    EXPECT_TRUE(store.is_done(std::string("independent starts, d = 1, N = ") + size));
  EXPECT_EQ(store.series("independent starts, d = 1", "root smoothed fisher").size(), 3);
  EXPECT_EQ(store.series("centre-rate-iid-1", "local slope").size(), 2);
  ASSERT_EQ(store.metrics().size(), 2);
  EXPECT_EQ(store.metrics()[0].name, "slope");
  EXPECT_TRUE(store.metrics()[1].lower && store.metrics()[1].upper);
  ASSERT_EQ(store.figures().size(), 1);
  EXPECT_EQ(store.figures()[0].drawing.at("groups").size(), 2);
  // A claim that comes later reads what is there: other seeds would not change it.
  const study::Claim first = measured("fisher-rate-iid-1", spec);
  spec.common.seed = 2;
  EXPECT_EQ(measured("fisher-rate-iid-1", spec).value, first.value);
}

TEST_F(Claims, TheSelfTermOfANoiselessStartHasThePublishedValues) {
  for (const auto& [n, printed] : {std::pair(16, .58482138), std::pair(512, .20319202)}) {
    base::Points<double> x(n, 1);
    for (int i = 0; i < n; ++i) x(i, 0) = boost::math::quantile(boost::math::normal(), (i + .5) / n);
    Measures measures;
    add_occupancy({true, std::pow(n, -.2)}, x, measures);
    EXPECT_NEAR(measures.at("self_term") / printed, 1, 1e-6);
  }
}

// At beta = 0 the two families of independent starts have one bandwidth and one bound.
TEST_F(Claims, BetaOfZeroIsTheBalanceWithoutIt) {
  StudySpec spec;
  spec.particles = {8, 16, 32};
  spec.seeds = 2;
  spec.beta = 0;
  const study::Claim plain = measured("self-term-rate-iid-1", spec),
                     beta = measured("self-term-rate-beta-1", spec);
  EXPECT_EQ(plain.value, beta.value);
  EXPECT_EQ(plain.expected, beta.expected);
}

// An independent program, other random numbers: -0.224 ± 0.003 uniform, -0.161 ± 0.020 normal.
TEST_F(Claims, OccupancyOfAUniformLawDecaysAndTailsBreakIt) {
  const study::Claim uniform = measured("occupancy-uniform-1", {}),
                     normal = measured("occupancy-normal-1", {});
  EXPECT_EQ(uniform.verdict, study::Verdict::holds);
  EXPECT_NEAR(uniform.value.value(), -.224, .01);
  EXPECT_EQ(normal.verdict, study::Verdict::holds);
  EXPECT_NEAR(normal.value.value(), -.161, .02);
}

TEST_F(Claims, DoNotDependOnTheNumberOfThreads) {
  StudySpec spec;
  spec.particles = {8, 16, 200};
  spec.seeds = 2;
  const auto once = [&](int threads) {
    std::filesystem::remove(path_);
    const base::ThreadLimit limit(threads);
    const study::Claim claim = measured("mean-centre-rate-iid-2", spec);
    return std::pair(*claim.value, claim.note);
  };
  EXPECT_EQ(once(1), once(2));
}

}  // namespace
}  // namespace starling::drift
