#include "starling/data/toys.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/error.h"

namespace starling::data {
namespace {

base::Points<float> draw(ToySet set, base::Index n, std::uint64_t index = 0) {
  base::Stream stream(5, 0, "toy", index);
  base::Points<float> points(n, 2);
  sample_toy(set, stream, points);
  return points;
}

// Noise of sd 0.05 leaves a square of side 1/2 in two of a hundred draws at each edge it shares with an empty one.
TEST(Toys, CheckerboardFillsEightSquaresEqually) {
  const auto points = draw(ToySet::checkerboard, 40000);
  int counts[16] = {}, full = 0;
  for (base::Index i = 0; i < points.rows(); ++i) {
    const int column = static_cast<int>(std::floor(2 * points(i, 0) + 2)), row = static_cast<int>(std::floor(2 * points(i, 1) + 2));
    if (column >= 0 && column < 4 && row >= 0 && row < 4) ++counts[4 * row + column];
  }
  for (int cell = 0; cell < 16; ++cell) {
    if ((cell / 4 + cell % 4) % 2 != 0) continue;
    EXPECT_NEAR(counts[cell], 4200, 400);
    full += counts[cell];
  }
  EXPECT_GT(full, 33000);
}

TEST(Toys, EightGaussiansSitOnTheUnitCircle) {
  const auto points = draw(ToySet::eight_gaussians, 20000);
  EXPECT_NEAR(points.rowwise().norm().mean(), 1, 0.003);
  EXPECT_NEAR(points.colwise().mean().norm(), 0, 0.03);
}

TEST(Toys, SwissRollFitsTheUnitSquareButForItsNoise) {
  const auto points = draw(ToySet::swiss_roll, 20000);
  EXPECT_NEAR(points.cwiseAbs().maxCoeff(), 1.05, 0.06);
}

TEST(Toys, MoonsAreTwoHalfCircles) {
  const auto points = draw(ToySet::moons, 2000);
  for (base::Index i = 0; i < points.rows(); ++i) {
    const double upper = std::hypot(points(i, 0) + .5, points(i, 1) + .25), lower = std::hypot(points(i, 0) - .5, points(i, 1) - .25);
    EXPECT_LT(std::min(std::abs(upper - 1), std::abs(lower - 1)), 0.3);
  }
}

TEST(Toys, AreAFunctionOfTheStreamAndTakeAnySize) {
  EXPECT_EQ(draw(ToySet::checkerboard, 7), draw(ToySet::checkerboard, 7));
  EXPECT_NE(draw(ToySet::checkerboard, 7), draw(ToySet::checkerboard, 7, 1));
  EXPECT_EQ(draw(ToySet::swiss_roll, 0).rows(), 0);
  base::Stream stream(1, 0, "toy");
  base::Points<float> wrong(3, 3);
  EXPECT_THROW(sample_toy(ToySet::moons, stream, wrong), base::Error);
}

}  // namespace
}  // namespace starling::data
