#include "starling/systems/drift/guidance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/drift/field.h"
#include "starling/systems/drift/generator.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

std::vector<double> draws(const GuidanceSpec& spec, int n) {
  base::Stream stream(1, 0, "test guidance");
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(draw_guidance(spec, stream));
  return out;
}

// The law has density proportional to a^-power on [1, b]; its distribution function is (a^w - 1) / (b^w - 1),
// w = 1 - power, or log a / log b for power 1.
TEST(Guidance, FollowsItsPowerLaw) {
  for (const double power : {0.0, 1.0, 3.0}) {
    const GuidanceSpec spec{.largest = 4, .power = power, .plain_share = 0};
    std::vector<double> values = draws(spec, 20000);
    std::sort(values.begin(), values.end());
    EXPECT_GE(values.front(), 1);
    EXPECT_LE(values.back(), 4);
    const double w = 1 - power;
    double gap = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double expected = power == 1 ? std::log(values[i]) / std::log(4.0)
                                         : (std::pow(values[i], w) - 1) / (std::pow(4.0, w) - 1);
      gap = std::max(
          gap, std::abs(expected - (static_cast<double>(i) + 0.5) / static_cast<double>(values.size())));
    }
    EXPECT_LT(gap, 1.95 / std::sqrt(20000.0)) << "power " << power;  // Kolmogorov-Smirnov at 0.1%
  }
}

TEST(Guidance, IsPlainAsOftenAsAskedAndAlwaysWhenItIsOff) {
  const auto plain = [](const std::vector<double>& values) {
    return std::count(values.begin(), values.end(), 1.0);
  };
  EXPECT_NEAR(static_cast<double>(plain(draws({.largest = 4, .plain_share = 0.5}, 10000))), 5000, 200);
  EXPECT_EQ(plain(draws({.largest = 1}, 100)), 100);
}

// With the weight of the release, the negatives of a block hold generated and unconditional mass in the ratio
// 1 : (alpha - 1).
TEST(Guidance, WeighsNegativesByTheBalanceOfMasses) {
  const GuidanceSpec spec{.largest = 4, .negatives = 16};
  EXPECT_EQ(negative_weight(spec, 1, 64), 0);
  EXPECT_DOUBLE_EQ(16 * negative_weight(spec, 2.5, 64), 1.5 * 63);
}

TEST(VelocityWithNegatives, IsTheVelocityWhenTheirWeightIsZeroAndPushesAwayOtherwise) {
  base::Stream stream(2, 0, "test negatives");
  Points<double> x(40, 2), y(50, 2), far(30, 2);
  for (Points<double>* cloud : {&x, &y, &far})
    stream.fill_normal(std::span<double>(cloud->data(), static_cast<std::size_t>(cloud->size())));
  const FieldSpec spec{.field = Field::paper, .kernel = Kernel::laplace, .scale = 0.5};
  // Rows are normalised over negatives too, so weight 0 only scales the affinities of the others: direction
  // stays.
  far.array() += 4;  // to the upper right of all
  const auto push = [&](double weight) {
    return velocity_with_negatives<double>(spec, x, y, far,
                                           base::Vector<double>::Constant(far.rows(), weight));
  };
  const Points<double> none = push(0), strong = push(50);
  EXPECT_LT((none - velocity<double>(spec, x, y)).norm(), 0.05 * none.norm());
  EXPECT_LT(strong.mean(), none.mean());
}

TEST(VelocityWithNegatives, RefusesFieldsThatHaveNoNegatives) {
  const Points<double> x = Points<double>::Ones(2, 2);
  EXPECT_THROW(
      velocity_with_negatives<double>({.field = Field::sharp}, x, x, x, base::Vector<double>::Ones(2)),
      base::Error);
}

Spec guided_digits() {
  Spec spec;
  spec.data.source = Source::file;
  spec.data.file.path = STARLING_SOURCE_DIR "/data/digits.npz";
  spec.data.rescale = Rescale::unit;
  spec.generator = {.noise = 8, .width = 16, .layers = 1, .conditional = true};
  spec.drift.temperatures = {0.5};
  spec.train.batch = spec.train.data_batch = 16;
  return spec;
}

TEST(Generator, AnswersToTheStrengthThatItLearned) {
  Spec spec = guided_digits();
  spec.guidance = {.largest = 3, .plain_share = 0};
  const Problem problem(spec);
  Generator generator(spec, problem);
  generator.fit_features();
  GeneratorState state = generator.start();
  for (int i = 0; i < 3; ++i) generator.step(state);
  const std::vector<std::int32_t> labels(20, 4);
  const auto sample = [&](double strength) {
    base::Stream stream(1, 0, "test sample");
    return generator.sample(state.average, stream, labels, 20, strength);
  };
  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(3));
}

TEST(Generator, RefusesGuidanceWithoutClassesOrNegatives) {
  Spec spec = guided_digits();
  spec.guidance.largest = 3;
  spec.generator.conditional = false;
  EXPECT_THROW(Generator(spec, Problem(spec)), base::Error);
  spec = guided_digits();
  spec.guidance.largest = 3;
  spec.drift.field = TrainField::conservative;
  EXPECT_THROW(Generator(spec, Problem(spec)), base::Error);
}

// A queue of 5 that gains 2 a step holds the newest 5 of the class's stream; the stream runs through the
// class before it repeats a point.
TEST(Queue, HoldsTheNewestPointsOfAStreamThatRepeatsNothingWithinAnEpoch) {
  Spec spec = guided_digits();
  spec.queue = {.size = 5, .push = 2};
  const Problem problem(spec);
  const auto drawn = [&](std::int64_t step, Index n) {
    base::Stream stream(1, 0, "test queue", static_cast<std::uint64_t>(step));
    Points<float> out(n, problem.dimension());
    problem.draw(3, step, stream, out);
    std::vector<std::vector<float>> rows;
    for (Index i = 0; i < n; ++i) rows.emplace_back(out.row(i).begin(), out.row(i).end());
    std::sort(rows.begin(), rows.end());
    return rows;
  };
  EXPECT_EQ(drawn(0, 4)[0], drawn(0, 4)[1]);  // two points pushed so far: each comes twice
  const auto ten = drawn(10, 5), eleven = drawn(11, 5);
  std::vector<std::vector<float>> both;
  std::set_intersection(ten.begin(), ten.end(), eleven.begin(), eleven.end(), std::back_inserter(both));
  EXPECT_EQ(both.size(), 3U);
  EXPECT_EQ(drawn(10, 5), ten);
}

}  // namespace
}  // namespace starling::drift
