#include "starling/study/verdicts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "study/scratch.h"

namespace starling::study {
namespace {

/// A store that holds what the test writes, and nothing that was measured.
class Verdicts : public testing::Scratch {
 protected:
  Verdicts() : store_(folder_ / "made.db") {}

  void error(double value) { store_.record(Metric{.task = "c", .name = "error", .value = value}); }
  void share(double value, double lower, double upper) {
    store_.record(Metric{.task = "c", .name = "share", .value = value, .lower = lower, .upper = upper});
  }
  /// 16, 32, 64, ... with these values.
  Decay series(const std::vector<double>& values, double exponent) {
    std::vector<SeriesPoint> points;
    for (std::size_t i = 0; i < values.size(); ++i) points.push_back({16LL << i, values[i]});
    store_.record("made", "value", "", points);
    return {"made", "value", exponent};
  }
  /// Values whose slopes between neighbours are these.
  Decay slopes(const std::vector<double>& local, double exponent) {
    std::vector<double> values = {1};
    for (const double slope : local) values.push_back(values.back() * std::pow(2, slope));
    return series(values, exponent);
  }

  Store store_;
  Claim claim_{.id = "c"};
};

TEST_F(Verdicts, ALimitHoldsAtTheLimitAndFailsBeyond) {
  error(1e-9);
  EXPECT_EQ(judge_limit(claim_, store_, "error", 1e-9).verdict, Verdict::holds);
  error(1.1e-9);
  const Claim claim = judge_limit(claim_, store_, "error", 1e-9);
  EXPECT_EQ(claim.verdict, Verdict::fails);
  EXPECT_EQ(claim.value, 1.1e-9);
}

TEST_F(Verdicts, ALimitIsInconclusiveWhenTheErrorIsMissingOrLost) {
  EXPECT_EQ(judge_limit(claim_, store_, "error", 1).verdict, Verdict::inconclusive);
  error(std::numeric_limits<double>::quiet_NaN());
  const Claim claim = judge_limit(claim_, store_, "error", 1);
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_NE(claim.note.find("lost"), std::string::npos);
}

TEST_F(Verdicts, AShareIsJudgedByItsInterval) {
  share(.2, .15, .25);
  EXPECT_EQ(judge_share(claim_, store_, "share", .01).verdict, Verdict::holds);
  share(0, 0, .009);
  EXPECT_EQ(judge_share(claim_, store_, "share", .01).verdict, Verdict::fails);
  share(.02, .001, .1);
  const Claim claim = judge_share(claim_, store_, "share", .01);
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_NE(claim.note.find("replicates"), std::string::npos);
}

TEST_F(Verdicts, ADecayHoldsWhenItsIntervalIsBelowTheBound) {
  const Claim claim = judge_decay(claim_, store_, slopes({-.25, -.24, -.26, -.25}, -.2));
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_NEAR(claim.value.value(), -.25, .01);
  EXPECT_LT(claim.upper.value(), -.2);
  EXPECT_NE(claim.note.find("local slopes -0.250, -0.240, -0.260, -0.250"), std::string::npos) << claim.note;
}

TEST_F(Verdicts, ADecayFailsWhenItsIntervalIsAboveTheBoundAndStaysThere) {
  EXPECT_EQ(judge_decay(claim_, store_, slopes({-.1, -.11, -.1, -.1}, -.2)).verdict, Verdict::fails);
}

TEST_F(Verdicts, ADecayThatStillSteepensTowardsTheBoundIsInconclusive) {
  const Claim claim = judge_decay(claim_, store_, slopes({-.114, -.128, -.134, -.139}, -.1429));
  EXPECT_GT(claim.lower.value(), -.1429);
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_NE(claim.note.find("larger sizes"), std::string::npos);
}

// Measured slopes of the Fisher rate in three dimensions, N = 128 to 2048: whether they steepen is not
// decided.
TEST_F(Verdicts, ADecayWhoseLocalSlopesAreTooRoughToProlongIsInconclusive) {
  const Claim claim = judge_decay(claim_, store_, slopes({-.128, -.132, -.122, -.138}, -.1429));
  EXPECT_GT(claim.lower.value(), -.1429);
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
}

TEST_F(Verdicts, TheProlongedLineHasTheIntervalOfLeastSquares) {
  // By hand: local slopes -1, -2, -4 at x = 1/2, 3/2, 5/2 (in doublings), read at x = 6.
  const auto fit = fit_decay(store_, slopes({-1, -2, -4}, -.2));
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->projected().mean, -7. / 3 - 1.5 * 4.5, 1e-12);
  const double residual = std::sqrt(1. / 6), t = 12.706204736174698;
  EXPECT_NEAR(fit->projected().upper - fit->projected().mean,
              t * residual * std::sqrt(1. / 3 + 4.5 * 4.5 / 2), 1e-9);
}

TEST_F(Verdicts, ADecayThatFlattensAcrossTheBoundIsInconclusive) {
  const Claim claim = judge_decay(claim_, store_, slopes({-.5, -.5, -.5, -.19, -.19, -.19}, -.2));
  EXPECT_LT(claim.upper.value(), -.2);
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
}

TEST_F(Verdicts, ADecayWithoutPowerIsInconclusive) {
  const Claim claim = judge_decay(claim_, store_, slopes({-.5, .2, -.4, .1}, -.2));
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_NE(claim.note.find("seeds"), std::string::npos);
}

TEST_F(Verdicts, ADecayNeedsThreePositiveSizes) {
  EXPECT_EQ(judge_decay(claim_, store_, {"none", "value", -.2}).verdict, Verdict::inconclusive);
  EXPECT_EQ(judge_decay(claim_, store_, series({1, .5}, -.2)).verdict, Verdict::inconclusive);
  const Claim claim = judge_decay(claim_, store_, series({1, .5, 0, .1}, -.2));
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_FALSE(claim.value);
}

TEST_F(Verdicts, ThatSomethingFallsSlowerIsJudgedByTheInterval) {
  EXPECT_EQ(judge_slower(claim_, store_, slopes({-.1, -.11, -.1, -.1}, -.2)).verdict, Verdict::holds);
  EXPECT_EQ(judge_slower(claim_, store_, slopes({-.3, -.31, -.3, -.3}, -.2)).verdict, Verdict::fails);
  EXPECT_EQ(judge_slower(claim_, store_, slopes({-.5, .2, -.4, .1}, -.2)).verdict, Verdict::inconclusive);
  EXPECT_EQ(judge_slower(claim_, store_, {"none", "value", -.2}).verdict, Verdict::inconclusive);
}

TEST_F(Verdicts, TheFitOfAnExactPowerHasItsExponentInBothIntervals) {
  const auto fit = fit_decay(store_, slopes({-.25, -.25, -.25, -.25}, -.2));
  ASSERT_TRUE(fit);
  for (const math::SlopeFit& slope : {fit->student, fit->bootstrap}) {
    EXPECT_NEAR(slope.lower, -.25, 1e-12);
    EXPECT_NEAR(slope.upper, -.25, 1e-12);
  }
  EXPECT_NEAR(fit->projected().lower, -.25, 1e-11);
  EXPECT_NEAR(fit->projected().upper, -.25, 1e-11);
}

TEST(Judgement, DecidesSharesOnlyWhenTheIntervalDoes) {
  EXPECT_EQ(judge_share({}, {0.999, 0.995, 1}, 0.99, "").verdict, Verdict::holds);
  EXPECT_EQ(judge_share({}, {0.8, 0.7, 0.9}, 0.99, "").verdict, Verdict::fails);
  const Claim open = judge_share({}, {0.985, 0.97, 0.995}, 0.99, "raise seeds");
  EXPECT_EQ(open.verdict, Verdict::inconclusive);
  EXPECT_NE(open.note.find("raise seeds"), std::string::npos);
  EXPECT_EQ(judge_limit({}, 1, 2).verdict, Verdict::holds);
  EXPECT_EQ(judge_limit({}, 3, 2).verdict, Verdict::fails);
  EXPECT_EQ(judge_limit({}, std::nan(""), 2).verdict, Verdict::inconclusive);
}

}  // namespace
}  // namespace starling::study
