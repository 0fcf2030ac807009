#include "starling/systems/drift/cloud_measures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "starling/base/random.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

Points<double> normal_cloud(Index n, Index d, std::uint64_t index) {
  base::Stream stream(4, 0, "test cloud", index);
  Points<double> out(n, d);
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

// Means over 20 draws of an independent program: 150 standard normal points against 150, distances in units
// of their mean, effective sample size of a row's softmax at .02, .05 and .2. Single draws scatter by 7
// percent at most.
TEST(SeenShare, GivesTheConcentrationOfDistancesInHighDimension) {
  struct Row {
    Index d;
    double at_small, at_middle, at_large;
  };
  for (const Row& row : {Row{2, 1.785, 3.930, 30.39}, Row{16, 2.009, 6.779, 88.01},
                         Row{128, 7.832, 54.53, 139.4}, Row{784, 53.15, 124.3, 148.2}}) {
    double seen[3] = {};
    constexpr double scales[3] = {0.02, 0.05, 0.2};
    for (std::uint64_t r = 0; r < 3; ++r) {
      const Points<double> x = normal_cloud(150, row.d, 2 * r), y = normal_cloud(150, row.d, 2 * r + 1);
      double mean = 0;
      for (Index i = 0; i < 150; ++i) mean += (y.rowwise() - x.row(i)).rowwise().norm().mean() / 150;
      for (int s = 0; s < 3; ++s) seen[s] += 150 * seen_share({false, scales[s] * mean}, x, y) / 3;
    }
    EXPECT_NEAR(seen[0], row.at_small, 0.12 * row.at_small) << "d " << row.d;
    EXPECT_NEAR(seen[1], row.at_middle, 0.12 * row.at_middle) << "d " << row.d;
    EXPECT_NEAR(seen[2], row.at_large, 0.12 * row.at_large) << "d " << row.d;
  }
}

TEST(KernelWarning, SpeaksOfFlatAndStarvedKernelsAndIsSilentBetween) {
  EXPECT_NE(kernel_warning(0.6, 0.9, 100).find("flat"), std::string::npos);
  EXPECT_NE(kernel_warning(0.01, 0.02, 100).find("starved"), std::string::npos);
  EXPECT_EQ(kernel_warning(0.01, 0.9, 100), "");  // one scale near, one far: what several scales are for
  EXPECT_EQ(kernel_warning(0.2, 0.2, 100), "");
}

TEST(Occupancy, CountsTheNeighboursOfEachPoint) {
  Points<double> x(3, 2);
  x << 0, 0, 0, 0, 100, 0;  // two together, one alone
  Measures out;
  add_occupancy({true, 0.5}, x, out);
  EXPECT_DOUBLE_EQ(out.at("least_occupancy"), 1);
  EXPECT_DOUBLE_EQ(out.at("mean_inverse_occupancy"), (0.5 + 0.5 + 1) / 3);
  EXPECT_DOUBLE_EQ(out.at("self_term"), 2 / 0.25 * out.at("mean_inverse_occupancy"));
  EXPECT_EQ(coincident(x), 2);
}

TEST(Mismatch, IsTheShareOfTheResidualInTheWholeField) {
  const Points<double> x = normal_cloud(30, 2, 0), y = normal_cloud(40, 2, 1);
  Measures out;
  add_mismatch(0.7, x, y, out);
  const Decomposition parts = decompose(x, x, y, 0.7);
  EXPECT_DOUBLE_EQ(out.at("mismatch_share"), parts.residual.norm() / (parts.sharp + parts.residual).norm());
}

TEST(SmoothedObjectives, AreLeftOutWhereTheirGridIsTooLarge) {
  const Points<double> x = normal_cloud(30, 2, 0), y = normal_cloud(40, 2, 1);
  const Target target = Target::data(y, 0.5);
  Measures none, both;
  add_smoothed_objectives(target, y.rows(), x, 1e3, none);
  EXPECT_TRUE(none.empty());
  add_smoothed_objectives(target, y.rows(), x, 1e9, both);
  EXPECT_NEAR(both.at("smoothed_fisher"), smoothed_fisher(x, target), 1e-5 * both.at("smoothed_fisher"));
}

}  // namespace
}  // namespace starling::drift
