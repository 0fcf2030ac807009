#include "starling/data/toys.h"

#include <cmath>
#include <set>

#include "data/support.h"

namespace starling::data {
namespace {

base::Points<float> samples(ToySet set, int n) {
  base::Points<float> out(n, 2);
  base::Stream stream(3, 0, "toy");
  sample_toy(set, stream, out);
  return out;
}

TEST(Toys, AreAFunctionOfTheStream) {
  for (const ToySet set :
       {ToySet::checkerboard, ToySet::swiss_roll, ToySet::moons, ToySet::eight_gaussians}) {
    EXPECT_EQ(samples(set, 100), samples(set, 100));
    EXPECT_EQ(samples(set, 100).topRows(10), samples(set, 10));
    EXPECT_TRUE(samples(set, 1000).allFinite());
  }
}

TEST(Toys, CheckerboardFillsItsEightSquaresEvenly) {
  std::array<int, 16> counts{};
  const base::Points<float> points = samples(ToySet::checkerboard, 16'000);
  for (int i = 0; i < points.rows(); ++i) {
    const int column = std::min(3, static_cast<int>(std::floor(points(i, 0))) + 2);
    const int row = std::min(3, static_cast<int>(std::floor(points(i, 1))) + 2);
    ++counts.at(static_cast<std::size_t>(4 * row + column));
  }
  for (int square = 0; square < 16; ++square) {
    const bool dark = (square / 4 + square % 4) % 2 == 0;
    // A binomial count of mean 2000 and sd 42: six sd, false alarm below 2e-8 for all squares. Rounding to
    // single precision may move a point on an edge into the next square.
    EXPECT_NEAR(counts.at(static_cast<std::size_t>(square)), dark ? 2000 : 0, dark ? 252 : 2);
  }
}

TEST(Toys, EightGaussiansStandOnTheirCircle) {
  const base::Points<float> points = samples(ToySet::eight_gaussians, 8000);
  std::set<long> seen;
  for (int i = 0; i < points.rows(); ++i) {
    const double angle = std::atan2(points(i, 1), points(i, 0));
    const long mode = std::lround(angle / (M_PI / 4));
    const double centre = static_cast<double>(mode) * M_PI / 4;
    seen.insert((mode + 8) % 8);
    // Seven sd of a planar normal: false alarm 8000 exp(-49/2) = 2e-7.
    EXPECT_LT(std::hypot(points(i, 0) - 2 * std::cos(centre), points(i, 1) - 2 * std::sin(centre)), 0.7);
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST(Toys, MoonsHaveTheirMean) {
  const base::Points<float> points = samples(ToySet::moons, 40'000);
  // Means 1/2 and 1/4 by symmetry; sd 0.87 and 0.50 over sqrt(40000): six sd of each mean, false alarm 4e-9.
  EXPECT_NEAR(points.col(0).cast<double>().mean(), 0.5, 6 * 0.87 / 200);
  EXPECT_NEAR(points.col(1).cast<double>().mean(), 0.25, 6 * 0.50 / 200);
}

TEST(Toys, SwissRollLiesOnItsSpiral) {
  const base::Points<float> points = samples(ToySet::swiss_roll, 4000);
  for (int i = 0; i < points.rows(); ++i) {
    const double radius = std::hypot(points(i, 0), points(i, 1));
    const double angle = std::atan2(points(i, 1), points(i, 0));
    // The nearest turn: t = angle + 2 pi k. Noise across the spiral is 0.1, and t / 5 its radius: seven sd
    // and a margin.
    const double turn = std::round((5 * radius - angle) / (2 * M_PI));
    EXPECT_NEAR(radius, (angle + 2 * M_PI * turn) / 5, 0.8);
    EXPECT_LT(radius, 4.5 * M_PI / 5 + 0.8);
    EXPECT_GT(radius, 1.5 * M_PI / 5 - 0.8);
  }
}

TEST(Toys, NeedTwoColumns) {
  base::Points<float> out(5, 3);
  base::Stream stream(3, 0, "toy");
  EXPECT_EQ(test::message_of([&] { sample_toy(ToySet::moons, stream, out); }, base::ErrorKind::usage),
            "sample_toy: 3 columns; expected 2");
}

}  // namespace
}  // namespace starling::data
