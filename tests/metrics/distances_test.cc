#include "starling/metrics/distances.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"

namespace starling::metrics {
namespace {

using base::Points;

Points<double> model() {
  return Points<double>{{0, 0}, {1, .5}, {-.3, .8}, {.2, -1.1}};
}
Points<double> data() {
  return Points<double>{{.5, .5}, {-1, .2}, {1.5, -.7}, {.1, 1.3}, {-.6, -.9}};
}

Points<double> half_circle() {
  Points<double> directions(8, 2);
  for (int k = 0; k < 8; ++k)
    directions.row(k) << std::cos(k * std::numbers::pi / 8), std::sin(k * std::numbers::pi / 8);
  return directions;
}

Points<double> normals(base::Index rows, base::Index width, std::uint32_t task) {
  Points<double> out(rows, width);
  base::Stream(7, task, "metrics test")
      .fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

template <class Call>
std::string message(const Call& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TwoSample, ReproducesTheFiguresOfFourAgainstFivePoints) {
  EXPECT_NEAR(mmd2(model(), data(), 1, false), 0.095241775265, 1e-12);
  EXPECT_NEAR(mmd2(model(), data(), 1, true), -0.198839052789, 1e-12);
  EXPECT_NEAR(energy_distance(model(), data(), false), 0.276003901926, 1e-12);
  EXPECT_NEAR(energy_distance(model(), data(), true), -0.424939410850, 1e-12);
  EXPECT_NEAR(sliced_wasserstein(model(), data(), half_circle(), 2), 0.213231888378, 1e-12);
  EXPECT_NEAR(sliced_wasserstein(model(), data(), half_circle(), 1), 0.387203687534, 1e-12);
}

TEST(TwoSample, IsZeroBetweenACloudAndItself) {
  EXPECT_NEAR(mmd2(data(), data(), 1, false), 0, 1e-15);
  EXPECT_NEAR(energy_distance(data(), data(), false), 0, 1e-15);
  EXPECT_EQ(sliced_wasserstein(data(), data(), half_circle(), 2), 0);
}

TEST(TwoSample, IsSymmetricInItsClouds) {
  EXPECT_NEAR(mmd2(model(), data(), .7, false), mmd2(data(), model(), .7, false), 1e-15);
  EXPECT_NEAR(energy_distance(model(), data(), false), energy_distance(data(), model(), false), 1e-15);
  EXPECT_NEAR(sliced_wasserstein(model(), data(), half_circle(), 1),
              sliced_wasserstein(data(), model(), half_circle(), 1), 1e-15);
}

TEST(SlicedWasserstein, OfATranslationIsTheProjectedShift) {
  const Points<double> x = normals(50, 2, 1);
  const Points<double> y = x.rowwise() + Eigen::RowVector2d(.3, -.4);
  EXPECT_NEAR(sliced_wasserstein(x, y, Points<double>{{1, 0}, {0, 1}}, 2), (.09 + .16) / 2, 1e-14);
  EXPECT_NEAR(sliced_wasserstein(x, y, Points<double>{{1, 0}, {0, 1}}, 1), (.3 + .4) / 2, 1e-14);
}

TEST(SlicedWasserstein, IsUnchangedWhenEveryPointIsRepeated) {
  Points<double> thrice(15, 2);
  thrice << data(), data(), data();
  EXPECT_NEAR(sliced_wasserstein(model(), thrice, half_circle(), 2),
              sliced_wasserstein(model(), data(), half_circle(), 2), 1e-15);
}

TEST(TwoSample, GivesTheSameBytesForAnyNumberOfThreads) {
  const Points<double> x = normals(301, 3, 1), y = normals(257, 3, 2), directions = normals(9, 3, 3);
  const auto all = [&] {
    return std::array{mmd2(x, y, .8, false), energy_distance(x, y, false),
                      sliced_wasserstein(x, y, directions, 2)};
  };
  const base::ThreadLimit one(1);
  const auto serial = all();
  const base::ThreadLimit many(4);
  EXPECT_EQ(serial, all());
}

TEST(TwoSample, NamesWhatIsWrongWithItsInput) {
  const Points<double> none(0, 2), wide = Points<double>::Zero(3, 4), single = data().topRows(1);
  EXPECT_EQ(message([&] { energy_distance(model(), none, false); }),
            "x has 4 points and y has 0; expected at least 1");
  EXPECT_EQ(message([&] { energy_distance(model(), wide, false); }),
            "x has 2 columns and y has 4; expected one dimension");
  EXPECT_EQ(message([&] { mmd2(model(), data(), 0, false); }),
            "bandwidth: 0 is out of range; expected a positive, finite number");
  EXPECT_EQ(message([&] { mmd2(model(), single, 1, true); }),
            "x has 4 points and y has 1; expected at least 2");
  EXPECT_EQ(message([&] { sliced_wasserstein(model(), data(), half_circle(), 0); }),
            "p: 0 is out of range; expected an integer from 1");
}

TEST(TwoSample, RefusesAValueThatIsNotFinite) {
  Points<double> lost = data();
  lost(1, 0) = std::numeric_limits<double>::infinity();
  for (const auto& measure :
       {std::function<void()>([&] { mmd2(model(), lost, 1, false); }),
        std::function<void()>([&] { energy_distance(model(), lost, true); }),
        std::function<void()>([&] { sliced_wasserstein(model(), lost, half_circle(), 2); })}) {
    EXPECT_EQ(message(measure), "y: value at row 1, column 0 is inf; expected finite numbers");
  }
}

}  // namespace
}  // namespace starling::metrics
