#include "starling/systems/students/connections.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

TEST(GroupSizes, AreThePartitionsIntoSoManyParts) {
  const std::vector<std::vector<Index>> expected = {{1, 1, 4}, {1, 2, 3}, {2, 2, 2}};
  EXPECT_EQ(group_sizes(6, 3), expected);
  EXPECT_EQ(group_sizes(5, 1).size(), 1U);
  EXPECT_EQ(group_sizes(20, 10).size(), 42U);  // the partitions of 10
  EXPECT_TRUE(group_sizes(2, 3).empty());
}

TEST(Connections, HoldEveryCopyAverageAndThePerturbedCopyWithTheirIndices) {
  const Connections found = find_connections(4, 5, 6, Activation::erf, {.searches = 0});
  ASSERT_EQ(found.points.size(), 2U);
  EXPECT_NEAR(found.points[0].loss, 0.023221680625, 1e-11);
  EXPECT_NEAR(found.points[1].loss, 0.023381767507, 1e-11);
  EXPECT_TRUE(found.descents.empty());  // two minima
  const Connections six = find_connections(3, 6, 7, Activation::erf, {.searches = 0});
  const auto index_of = [&](double loss) {
    for (const CriticalPoint& point : six.points) {
      if (std::abs(point.loss - loss) < 1e-9) return point.index;
    }
    return Index{-1};
  };
  EXPECT_EQ(index_of(0.069665041876), 3);  // 2, 2, 2
  EXPECT_EQ(index_of(0.063814857939), 1);  // 1, 2, 3
  EXPECT_EQ(index_of(0.056754527741), 0);  // 1, 1, 4
}

TEST(Connections, LeadDownhillFromEverySaddleBothWays) {
  const Connections found = find_connections(3, 5, 6, Activation::erf, {.searches = 10, .seed = 1});
  for (std::size_t p = 0; p < found.points.size(); ++p) {
    const CriticalPoint& point = found.points[p];
    EXPECT_LE(point.gradient_max, 1e-13);
    if (point.label != Label::saddle || point.live() < 3) continue;
    std::int64_t ways = 0;
    for (const Descent& descent : found.descents) {
      if (descent.saddle != static_cast<std::int32_t>(p)) continue;
      ways += descent.ways;
      EXPECT_LT(found.points[static_cast<std::size_t>(descent.end)].loss, point.loss);
    }
    EXPECT_EQ(ways, 2 * point.index);
  }
  const auto best = std::ranges::min(found.points, {}, &CriticalPoint::loss);
  EXPECT_NEAR(best.loss, 0.040593177314, 1e-10);
  EXPECT_EQ(best.label, Label::minimum);
}

TEST(Connections, AreAFunctionOfTheSeed) {
  const ConnectionOptions options{.searches = 5, .seed = 3};
  const Connections one = find_connections(2, 4, 4, Activation::erf, options);
  const Connections two = find_connections(2, 4, 4, Activation::erf, options);
  ASSERT_EQ(one.points.size(), two.points.size());
  for (std::size_t p = 0; p < one.points.size(); ++p)
    EXPECT_EQ(one.points[p].student.w, two.points[p].student.w);
}

TEST(Connections, RefuseWhatCannotBe) {
  EXPECT_THROW(find_connections(0, 3, 3, Activation::erf), base::Error);
  EXPECT_THROW(find_connections(4, 3, 4, Activation::erf), base::Error);
  EXPECT_THROW(find_connections(2, 3, 2, Activation::erf), base::Error);
}

}  // namespace
}  // namespace starling::students
