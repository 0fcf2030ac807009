#include "starling/math/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "starling/base/error.h"

namespace starling::math {
namespace {

TEST(StudentTQuantile, MatchesThePublishedTable) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.228, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.95, 30), 1.697, 5e-4);
}

TEST(FitSlope, RecoversALineExactly) {
  const std::vector<double> x = {0, 1, 2, 5}, y = {3, 1, -1, -7};
  const SlopeFit fit = fit_slope(x, y);
  EXPECT_NEAR(fit.slope, -2, 1e-14);
  EXPECT_NEAR(fit.intercept, 3, 1e-14);
  EXPECT_NEAR(fit.upper - fit.lower, 0, 1e-12);
}

// By hand: x 1..4, y 2 4 5 8: slope 9.5/5, squared residuals 0.7, standard error sqrt(0.35/5), t(0.975, 2)
// = 4.302653.
TEST(FitSlope, GivesTheIntervalOfTheTextbookFormula) {
  const SlopeFit fit = fit_slope(std::vector<double>{1, 2, 3, 4}, std::vector<double>{2, 4, 5, 8});
  EXPECT_NEAR(fit.slope, 1.9, 1e-14);
  EXPECT_NEAR(fit.standard_error, std::sqrt(0.07), 1e-12);
  EXPECT_NEAR(fit.upper, 1.9 + 4.302653 * std::sqrt(0.07), 1e-6);
  EXPECT_NEAR(fit.lower, 1.9 - 4.302653 * std::sqrt(0.07), 1e-6);
}

TEST(FitSlope, KnowsNothingOfTheErrorWithTwoPointsAndRefusesLess) {
  const std::vector<double> one = {1}, equal = {2, 2}, two = {0, 1};
  EXPECT_TRUE(std::isinf(fit_slope(two, two).upper));
  EXPECT_THROW(fit_slope(one, one), base::Error);
  EXPECT_THROW(fit_slope(equal, two), base::Error);
  EXPECT_THROW(fit_slope(two, one), base::Error);
}

// 400 fits of 20 points with normal errors; the number of misses is binomial(400, 0.05): mean 20,
// deviation 4.4. The bounds are four deviations away, a false alarm below one in ten thousand for a fresh
// seed.
TEST(FitSlope, CoversTheTruthAsOftenAsItSays) {
  base::Stream stream(1, 0, "coverage");
  int misses = 0;
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<double> x, y;
    for (int i = 0; i < 20; ++i) {
      x.push_back(i);
      y.push_back(0.5 * i + stream.normal());
    }
    const SlopeFit fit = fit_slope(x, y);
    if (fit.lower > 0.5 || fit.upper < 0.5) ++misses;
  }
  EXPECT_GT(misses, 2);
  EXPECT_LT(misses, 38);
}

// With 400 points of equal noise both errors estimate one quantity; the bootstrap's own relative noise is
// about 4 %.
TEST(BootstrapSlope, AgreesWithTheNormalTheoryWhereThatHolds) {
  base::Stream stream(1, 0, "bootstrap");
  std::vector<double> x, y;
  for (int i = 0; i < 400; ++i) {
    x.push_back(stream.normal());
    y.push_back(2 * x.back() + stream.normal());
  }
  const SlopeFit theory = fit_slope(x, y), resampled = bootstrap_slope(x, y, 1000, stream);
  EXPECT_EQ(resampled.slope, theory.slope);
  EXPECT_NEAR(resampled.standard_error / theory.standard_error, 1, 0.2);
  EXPECT_NEAR((resampled.upper - resampled.lower) / (theory.upper - theory.lower), 1, 0.25);
}

TEST(BootstrapSlope, IsAFunctionOfItsStreamAndRefusesTwoPoints) {
  const std::vector<double> x = {0, 1, 2, 3}, y = {0, 2, 3, 7}, two = {0, 1};
  base::Stream a(3, 0, "bootstrap"), b(3, 0, "bootstrap");
  EXPECT_EQ(bootstrap_slope(x, y, 50, a).lower, bootstrap_slope(x, y, 50, b).lower);
  EXPECT_THROW(bootstrap_slope(two, two, 50, a), base::Error);
  EXPECT_THROW(bootstrap_slope(x, y, 1, a), base::Error);
}

TEST(LocalSlopes, AreTheDifferenceQuotientsOfNeighbours) {
  EXPECT_EQ(local_slopes(std::vector<double>{0, 1, 3}, std::vector<double>{0, 2, 8}),
            (std::vector<double>{2, 3}));
}

TEST(Quantile, IsLinearBetweenOrderStatistics) {
  const std::vector<double> values = {4, 1, 3, 2};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 1), 4);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 3.7);
  EXPECT_EQ(quantile({7}, 0.3), 7);
  EXPECT_THROW(quantile({}, 0.5), base::Error);
  EXPECT_THROW(quantile({1}, 1.5), base::Error);
}

TEST(EffectiveSampleSize, CountsEqualWeightsAndIgnoresScale) {
  EXPECT_DOUBLE_EQ(effective_sample_size(std::vector<double>{3, 3, 3, 3}), 4);
  EXPECT_DOUBLE_EQ(effective_sample_size(std::vector<double>{1, 0, 0}), 1);
  EXPECT_EQ(effective_sample_size(std::vector<double>{0, 0}), 0);
}

TEST(MeanInterval, MatchesTheTextbookAndIsInfiniteForOneValue) {
  const MeanInterval three = mean_interval(std::vector<double>{1, 2, 3});
  EXPECT_DOUBLE_EQ(three.mean, 2);
  EXPECT_NEAR(three.upper - 2, 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_TRUE(std::isinf(mean_interval(std::vector<double>{1}).upper));
  EXPECT_THROW(mean_interval({}), base::Error);
}

// The figures of R's binom.test.
TEST(BinomialInterval, IsThatOfClopperAndPearson) {
  const MeanInterval half = binomial_interval(5, 10);
  EXPECT_DOUBLE_EQ(half.mean, 0.5);
  EXPECT_NEAR(half.lower, 0.1870860, 1e-7);
  EXPECT_NEAR(half.upper, 0.8129140, 1e-7);
  EXPECT_EQ(binomial_interval(0, 10).lower, 0);
  EXPECT_NEAR(binomial_interval(0, 10).upper, 0.3084971, 1e-7);
  EXPECT_EQ(binomial_interval(10, 10).upper, 1);
  EXPECT_NEAR(binomial_interval(10, 10).lower, 0.6915029, 1e-7);
  EXPECT_THROW(binomial_interval(1, 0), base::Error);
  EXPECT_THROW(binomial_interval(3, 2), base::Error);
}

TEST(Statistics, LeastSquaresWeighTheirRows) {
  // y = 2 - 3 x + .5 x² but for one row, which weighs nothing.
  const std::vector<double> at = {-1, 0, 1, 2, 4};
  std::vector<double> x, y;
  for (const double t : at) {
    x.insert(x.end(), {1, t, t * t});
    y.push_back(2 - 3 * t + .5 * t * t);
  }
  y[3] = 100;
  const auto c = weighted_least_squares(x, y, std::vector<double>{1, 2, 3, 0, 5}, 3);
  EXPECT_NEAR(c[0], 2, 1e-13);
  EXPECT_NEAR(c[1], -3, 1e-13);
  EXPECT_NEAR(c[2], .5, 1e-13);
  // Two rows and a mean: weights 1 and 3.
  EXPECT_NEAR(weighted_least_squares(std::vector<double>{1, 1}, std::vector<double>{0, 1},
                                     std::vector<double>{1, 3}, 1)[0],
              .75, 1e-15);
  EXPECT_THROW(weighted_least_squares(x, y, std::vector<double>{1, 2, 3, 0}, 3), base::Error);
  EXPECT_THROW(weighted_least_squares(std::vector<double>{1, 2, 2, 4}, std::vector<double>{0, 1},
                                      std::vector<double>{1, 1}, 2),
               base::Error);
}

}  // namespace
}  // namespace starling::math
