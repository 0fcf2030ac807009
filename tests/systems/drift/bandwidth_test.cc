#include "starling/systems/drift/bandwidth.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/systems/drift/scales.h"
#include "study/scratch.h"
#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using base::Points;
using figures::y;
using study::testing::error_of;

double length(BandwidthRule rule, const Points<double>& data, std::int64_t neighbours = 5,
              std::int64_t count = 64) {
  return bandwidth_length({rule, neighbours}, data, count);
}

TEST(Bandwidth, OfTheFixedRuleIsOne) {
  EXPECT_EQ(length(BandwidthRule::fixed, y), 1);
}

TEST(Bandwidth, RulesHaveThePrintedValues) {  // printed by numpy: median and quantile of its default kind
  EXPECT_NEAR(length(BandwidthRule::median, y), 1.671249658329, 1e-12);
  EXPECT_NEAR(length(BandwidthRule::neighbours, y, 2), 1.405790185673, 1e-12);
  EXPECT_NEAR(length(BandwidthRule::neighbours, y, 3), 1.601163826808, 1e-12);
}

TEST(Bandwidth, OfTheRateFallsAsThePowerOfTheDimension) {
  EXPECT_DOUBLE_EQ(length(BandwidthRule::rate, y, 5, 64), 0.5);  // 64^(-1/6)
  EXPECT_DOUBLE_EQ(length(BandwidthRule::rate, Points<double>::Zero(3, 1), 5, 32), 0.5);
}

TEST(Bandwidth, OfALineOfEqualStepsIsTheStep) {
  Points<double> line(5000, 1);  // more than the rules look at
  for (base::Index i = 0; i < line.rows(); ++i) line(i, 0) = 0.25 * static_cast<double>(i);
  EXPECT_DOUBLE_EQ(length(BandwidthRule::neighbours, line, 2), 0.25);
  // The median distance of two uniform places on [0, L] is L (1 - sqrt(1/2)).
  EXPECT_NEAR(length(BandwidthRule::median, line), 1250 * (1 - std::sqrt(0.5)), 1);
}

TEST(Bandwidth, IgnoresOneLonelyPoint) {
  base::Stream stream(1, 0, "bandwidth test");
  Points<double> data(400, 2);
  stream.fill_normal(std::span<double>(data.data(), 800));
  const double before = length(BandwidthRule::neighbours, data);
  data.row(0) << 1e6, 1e6;
  EXPECT_NEAR(length(BandwidthRule::neighbours, data), before, 0.02 * before);
}

TEST(Bandwidth, ScalesWithTheData) {
  for (const BandwidthRule rule : {BandwidthRule::median, BandwidthRule::neighbours})
    EXPECT_NEAR(length(rule, 8 * y, 2), 8 * length(rule, y, 2), 1e-12);
}

TEST(Bandwidth, RefusesDataThatGiveNoLength) {
  EXPECT_EQ(error_of([] { length(BandwidthRule::neighbours, y, 5); }),
            "3: field.rule: \"neighbours\" needs at least 6 data points; there are 5");
  EXPECT_EQ(error_of([] { length(BandwidthRule::median, Points<double>::Ones(9, 2)); }).substr(0, 50),
            "3: field.rule: \"median\" gives the length 0, becaus");
}

TEST(Scales, AreMultiplesOfTheLengthAndFallGeometrically) {
  DriftSpec spec;
  EXPECT_EQ(scale_at(spec, 2, 0.05, 700), 0.1);
  spec.anneal_from = 0.4;
  spec.anneal_steps = 100;
  EXPECT_DOUBLE_EQ(scale_at(spec, 2, 0.1, 0), 0.8);
  EXPECT_DOUBLE_EQ(scale_at(spec, 2, 0.1, 50), 0.4);
  EXPECT_DOUBLE_EQ(scale_at(spec, 2, 0.1, 200), 0.2);
}

TEST(Scales, OfTheReleaseTakeNoRule) {
  DriftSpec spec;
  spec.field = TrainField::release;
  spec.bandwidth.rule = BandwidthRule::median;
  EXPECT_EQ(error_of([&] { scale_length(spec, y, 4); }),
            "2: field.rule: release measures in units of the mean distance already; expected \"fixed\"");
}

}  // namespace
}  // namespace starling::drift
