#include "starling/study/sweep_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "study/scratch.h"

namespace starling::study {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Two curves over three rates and four seeds. At the rate that is best for both, `fast` is lower by .1, .2,
// .3 and .2: a mean of .2 with a standard error of .0408 and, at three degrees of freedom, t = 3.182.
SweepResults two_curves() {
  SweepResults out{.axis = "train.rate", .measure = "loss", .unit = "nats"};
  out.curves = {{"slow", {{"0.1", {3, 3, 3, 3}}, {"0.2", {1.1, 1.3, 1.3, 1.3}}, {"0.4", {2, 2, 2, 2}}}},
                {"fast", {{"0.1", {2, 2, 2, 2}}, {"0.2", {1.0, 1.1, 1.0, 1.1}}, {"0.4", {3, 3, 3, 3}}}}};
  return out;
}

class SweepSummary : public testing::Scratch {
 protected:
  Metric metric(const std::string& task, const std::string& name) const {
    for (const Metric& m : store_.metrics()) {
      if (m.task == task && m.name == name) return m;
    }
    ADD_FAILURE() << "no metric " << task << "/" << name;
    return {};
  }
  Store store_{folder_ / "run.db"};
};

TEST_F(SweepSummary, SaysWhichCurveIsBestAndByHowMuch) {
  record_summary(two_curves(), store_);
  ASSERT_EQ(store_.claims().size(), 1U);
  const Claim claim = store_.claims().front();
  EXPECT_EQ(claim.statement, "loss: fast is lower than slow, each at its best train.rate");
  EXPECT_NEAR(*claim.value, 0.2, 1e-12);
  EXPECT_NEAR(*claim.lower, 0.2 - 3.182446305 * 0.04082482905, 1e-8);
  EXPECT_NEAR(*claim.upper, 0.2 + 3.182446305 * 0.04082482905, 1e-8);
  EXPECT_EQ(claim.verdict, Verdict::holds);
  EXPECT_EQ(metric("fast", "best train.rate").value, 0.2);
  EXPECT_NEAR(metric("slow", "loss at the best").value, 1.25, 1e-12);
  EXPECT_TRUE(store_.warnings().empty());
}

TEST_F(SweepSummary, TurnsWithTheSenseOfTheMeasure) {
  SweepResults results = two_curves();
  results.maximize = true;
  record_summary(results, store_);
  EXPECT_EQ(metric("fast", "best train.rate").value, 0.4);
  EXPECT_EQ(metric("slow", "best train.rate").value, 0.1);
  EXPECT_EQ(store_.claims().front().verdict, Verdict::inconclusive);  // 3 against 3
}

TEST_F(SweepSummary, IsInconclusiveWhenTheSeedsDisagree) {
  SweepResults results = two_curves();
  results.curves[1].points[1].values = {1.4, 1.0, 1.4, 1.0};
  record_summary(results, store_);
  EXPECT_EQ(store_.claims().front().verdict, Verdict::inconclusive);
}

TEST_F(SweepSummary, IsInconclusiveWithOneSeed) {
  SweepResults results = two_curves();
  for (auto& curve : results.curves) {
    for (auto& point : curve.points) point.values.resize(1);
  }
  record_summary(results, store_);
  const Claim claim = store_.claims().front();
  EXPECT_EQ(claim.verdict, Verdict::inconclusive);
  EXPECT_NEAR(*claim.value, 0.1, 1e-12);
  EXPECT_FALSE(claim.lower.has_value());
  EXPECT_FALSE(metric("fast", "train.rate=0.1").lower.has_value());
}

// A choice by the seeds that are judged would say 0 for noise that has the mean 1.
TEST(HonestScores, AreNotChosenByTheSeedThatTheyJudge) {
  const SweepResults::Curve noise{"noise", {{"1", {0, 2, 1.5}}, {"2", {2, 0, 1.4}}}};
  // The seeds 2 and 3 prefer point 2, which gives seed 1 its bad value, and so on.
  EXPECT_EQ(honest_scores(noise, false), (std::vector<double>{2, 2, 1.5}));
}

TEST(HonestScores, LeaveOutPointsWhereARunDiverged) {
  const SweepResults::Curve curve{"c", {{"1", {0.1, nan, 0.1}}, {"2", {1, 1, 1}}}};
  EXPECT_EQ(*best_point(curve, false), 1U);
  EXPECT_EQ(*best_point(curve, false, 1), 0U);  // the others know of no divergence
  const std::vector<double> scores = honest_scores(curve, false);
  EXPECT_EQ(scores[0], 1);
  EXPECT_TRUE(std::isnan(scores[1]));
  EXPECT_EQ(scores[2], 1);
  const SweepResults::Curve lost{"c", {{"1", {nan, nan}}}};
  EXPECT_FALSE(best_point(lost, false).has_value());
}

TEST_F(SweepSummary, CountsDivergedRunsAndGivesNoVerdictOverThem) {
  SweepResults results = two_curves();
  results.curves[1].points[1].values = {1.0, nan, 1.0, 1.0};
  results.curves[1].points[1].divergence = "step 7: loss is nan";
  results.curves[1].points[0].values = {nan, nan, nan, nan};
  results.curves[1].points[2].values = {nan, nan, nan, nan};
  record_summary(results, store_);
  EXPECT_EQ(metric("fast", "train.rate=0.2").note, "1 of 4 diverged");
  EXPECT_EQ(metric("fast", "train.rate=0.2").value, 1);
  EXPECT_TRUE(std::isnan(metric("fast", "train.rate=0.1").value));
  EXPECT_TRUE(std::isnan(metric("fast", "best train.rate").value));
  EXPECT_EQ(store_.claims().front().verdict, Verdict::inconclusive);
  ASSERT_EQ(store_.warnings().size(), 1U);
  EXPECT_EQ(store_.warnings().front().text, "fast, train.rate=0.2: 1 of 4 diverged: step 7: loss is nan");
}

TEST_F(SweepSummary, WarnsOfABestAtTheEdgeUntilAnotherMeasureIsRead) {
  SweepResults results = two_curves();
  std::swap(results.curves[0].points[0].values, results.curves[0].points[1].values);
  record_summary(results, store_);
  ASSERT_EQ(store_.warnings().size(), 1U);
  EXPECT_EQ(store_.warnings().front().text,
            "the best train.rate of slow, 0.1, is the first that was tried: widen the range");
  record_summary(two_curves(), store_);
  EXPECT_TRUE(store_.warnings().empty());
  EXPECT_EQ(store_.claims().size(), 1U);
}

TEST_F(SweepSummary, DrawsACurveWithItsBandForEveryKind) {
  record_summary(two_curves(), store_);
  const nlohmann::json drawing = store_.figures().front().drawing;
  EXPECT_EQ(drawing.at("groups").size(), 2U);
  const nlohmann::json& fast = drawing.at("groups").at(1);
  EXPECT_EQ(fast.at("label"), "fast");
  EXPECT_EQ(fast.at("x"), (std::vector<double>{0.1, 0.2, 0.4}));
  EXPECT_NEAR(fast.at("y").at(1).get<double>(), 1.05, 1e-12);
  EXPECT_LT(fast.at("lower").at(1).get<double>(), 1.05);
  EXPECT_GT(fast.at("upper").at(1).get<double>(), 1.05);
}

TEST_F(SweepSummary, ComparesWithoutAnAxis) {
  SweepResults results{.measure = "loss", .curves = {{"a", {{"", {1, 2, 1}}}}, {"b", {{"", {3, 4, 3}}}}}};
  record_summary(results, store_);
  EXPECT_EQ(store_.claims().front().statement, "loss: a is lower than b");
  EXPECT_EQ(store_.claims().front().verdict, Verdict::holds);  // 2, 2, 2
  EXPECT_EQ(store_.figures().front().drawing.at("groups").at(0).at("mode"), "bars");
}

}  // namespace
}  // namespace starling::study
