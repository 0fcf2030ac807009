#include "starling/metrics/distances.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"

namespace starling::metrics {
namespace {

using base::Points;

Points<double> normals(base::Index rows, std::uint32_t task) {
  Points<double> out(rows, 2);
  base::Stream(3, task, "neighbours test")
      .fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

TEST(NearestDistances, AreThoseToTheNearestRow) {
  const auto distances =
      nearest_distances(Points<double>{{0, 0}, {10, 0}}, Points<double>{{3, 4}, {10, 1}, {-9, 9}});
  EXPECT_DOUBLE_EQ(distances(0), 5);
  EXPECT_DOUBLE_EQ(distances(1), 1);
}

TEST(NeighbourDistances, AscendFromTheNearest) {
  base::Points<double> at(2, 1), line(4, 1);
  at << 0, 10;
  line << 3, 0, 1, 7;
  base::Points<double> expected(2, 3);
  expected << 0, 1, 3, 3, 7, 9;
  EXPECT_EQ(neighbour_distances(at, line, 3), expected);
  EXPECT_THROW(neighbour_distances(at, line, 5), base::Error);
  EXPECT_THROW(neighbour_distances(at, line, 0), base::Error);
}

TEST(SlicingDirections, AreUnitVectorsEquallySpacedInThePlane) {
  base::Stream stream(1, 0, "slices");
  const base::Points<double> plane = slicing_directions(4, 2, stream),
                             space = slicing_directions(9, 5, stream);
  base::Points<double> expected(4, 2);
  expected << 1, 0, std::sqrt(.5), std::sqrt(.5), 0, 1, -std::sqrt(.5), std::sqrt(.5);
  EXPECT_LT((plane - expected).cwiseAbs().maxCoeff(), 1e-15);
  EXPECT_LT((space.rowwise().norm().array() - 1).abs().maxCoeff(), 1e-15);
}

TEST(Manifold, IsFullBetweenACloudAndItself) {
  const Points<double> x = normals(200, 1);
  const Manifold c = manifold(x, x, 5);
  EXPECT_EQ(c.precision, 1);
  EXPECT_EQ(c.recall, 1);
  EXPECT_EQ(c.coverage, 1);
}

TEST(Manifold, IsNoneBetweenDistantClouds) {
  const Points<double> x = normals(50, 1), y = x.array() + 100;
  const Manifold c = manifold(x, y, 3);
  EXPECT_EQ(c.precision + c.recall + c.coverage, 0);
}

TEST(Manifold, SeesALostModeInRecallAndNotInPrecision) {
  Points<double> y(200, 2);
  y << normals(100, 1), Points<double>(normals(100, 2).array() + 50);
  const Manifold c = manifold(y.topRows(100), y, 5);
  EXPECT_EQ(c.precision, 1);
  EXPECT_DOUBLE_EQ(c.recall, 0.5);
  EXPECT_DOUBLE_EQ(c.coverage, 0.5);
}

TEST(Manifold, MatchesAHandCountOnALine) {
  // Radii (k = 1): y 1, 1, 2 around 0, 1, 3; x 0.5, 0.5, 6.5 around 0.5, 1, 7.5.
  const Points<double> x{{.5}, {1}, {7.5}}, y{{0}, {1}, {3}};
  const Manifold c = manifold(x, y, 1);
  EXPECT_DOUBLE_EQ(c.precision, 2.0 / 3);  // 0.5 and 1
  EXPECT_DOUBLE_EQ(c.recall, 1);           // 0 and 1 near 0.5, 1; 1 and 3 within 6.5 of 7.5
  EXPECT_DOUBLE_EQ(c.coverage, 1);
}

TEST(Classify, TakesTheCommonestLabelAndTheLowerOneInATie) {
  const Points<double> y{{0}, {1}, {2}, {10}, {11}};
  const std::vector<std::int32_t> labels = {4, 7, 7, 2, 1};
  const Points<double> x{{.9}, {10.4}, {0}};
  EXPECT_EQ(classify(x, y, labels, 3), (std::vector<std::int32_t>{7, 1, 7}));
  EXPECT_EQ(classify(x, y, labels, 2), (std::vector<std::int32_t>{4, 1, 4}));
  EXPECT_EQ(classify(x, y, labels, 1), (std::vector<std::int32_t>{7, 2, 4}));
}

TEST(Neighbours, GiveTheSameAnswerForAnyNumberOfThreads) {
  const Points<double> x = normals(150, 1), y = normals(170, 2);
  const base::ThreadLimit one(1);
  const Manifold serial = manifold(x, y, 4);
  const base::ThreadLimit many(4);
  const Manifold parallel = manifold(x, y, 4);
  EXPECT_EQ(serial.precision, parallel.precision);
  EXPECT_EQ(serial.recall, parallel.recall);
  EXPECT_EQ(serial.coverage, parallel.coverage);
}

TEST(Neighbours, RefuseAnEmptyCloud) {
  EXPECT_THROW(nearest_distances(normals(5, 1), Points<double>(0, 2)), base::Error);
  EXPECT_THROW(manifold(Points<double>(0, 2), normals(5, 1), 1), base::Error);
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

TEST(Neighbours, NameWhatIsWrongWithTheirInput) {
  const Points<double> x = normals(5, 1);
  EXPECT_EQ(refusal([&] { manifold(x, x, 0); }), "k: 0 is out of range; expected an integer from 1");
  EXPECT_EQ(refusal([&] {
              classify(x, x, {1, 2, 3, 4, 5}, -1);
            }),
            "k: -1 is out of range; expected an integer from 1");
  EXPECT_EQ(refusal([&] { classify(x, x, {1, 2, 3}, 1); }), "labels: 3 of them for 5 points of y");
  EXPECT_EQ(refusal([&] { classify(x, x, {}, 1); }), "labels: 0 of them for 5 points of y");
  EXPECT_EQ(refusal([&] {
              classify(x, x, {0, 0, -4, 0, 0}, 1);
            }),
            "labels: row 2 holds -4; expected classes from 0");
}

TEST(Neighbours, RefuseAValueThatIsNotFinite) {
  const Points<double> x = normals(5, 1);
  Points<double> lost = x;
  lost(3, 1) = std::nan("");
  const std::string in_y = "y: value at row 3, column 1 is nan; expected finite numbers";
  EXPECT_EQ(refusal([&] { manifold(x, lost, 1); }), in_y);
  EXPECT_EQ(refusal([&] { classify(x, lost, {1, 2, 3, 4, 5}, 1); }), in_y);
  EXPECT_EQ(refusal([&] { nearest_distances(lost, x); }),
            "x: value at row 3, column 1 is nan; expected finite numbers");
}

TEST(Manifold, TakesTheLastNeighbourWhereThereAreFewerThanK) {
  const Points<double> x{{0}, {1}}, y{{0}, {1}, {3}};
  EXPECT_EQ(manifold(x, y, 9).precision, manifold(x, y, 2).precision);
}

}  // namespace
}  // namespace starling::metrics
