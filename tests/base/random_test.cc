#include "starling/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace starling::base {
namespace {

TEST(Stream, IsAPureFunctionOfItsKey) {
  Stream a(7, 1, "noise", 3), b(7, 1, "noise", 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.bits(), b.bits());
}

TEST(Stream, DiffersWhenAnyPartOfTheKeyDiffers) {
  std::set<std::uint32_t> first_words;
  first_words.insert(Stream(7, 1, "noise", 3).bits());
  first_words.insert(Stream(8, 1, "noise", 3).bits());
  first_words.insert(Stream(7, 2, "noise", 3).bits());
  first_words.insert(Stream(7, 1, "data", 3).bits());
  first_words.insert(Stream(7, 1, "noise", 4).bits());
  first_words.insert(Stream(7, 1, "noise", 3 + (1ULL << 40U)).bits());
  EXPECT_EQ(first_words.size(), 6U);
}

// Five-sigma bounds on 200,000 draws: a false alarm once in 1.7 million seeds, and the seed is fixed.
TEST(Stream, NormalsHaveTheMomentsOfANormal) {
  Stream stream(1, 0, "test");
  std::vector<double> draws(200000);
  stream.fill_normal(std::span<double>(draws));
  double sum = 0, squares = 0, fourths = 0;
  for (const double x : draws) {
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  const double n = static_cast<double>(draws.size());
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(fourths / n, 3, 5 * std::sqrt(96 / n));
}

TEST(Stream, FloatNormalsHaveTheMomentsOfANormalAtOddLengths) {
  Stream stream(2, 0, "test");
  std::vector<float> draws(200001);
  stream.fill_normal(std::span<float>(draws));
  double sum = 0, squares = 0;
  for (const float x : draws) {
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += static_cast<double>(x) * x;
  }
  const double n = static_cast<double>(draws.size());
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2 / n));
}

TEST(Stream, UniformsStayInsideTheOpenInterval) {
  Stream stream(3, 0, "test");
  for (int i = 0; i < 10000; ++i) {
    const double u = stream.uniform();
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
  }
}

TEST(Stream, BelowHitsEveryValueEquallyOften) {
  Stream stream(4, 0, "test");
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[stream.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000.0 * 6 / 7));
}

TEST(Stream, ShuffleKeepsEveryValue) {
  std::vector<std::int64_t> values(101);
  std::iota(values.begin(), values.end(), 0);
  Stream(5, 0, "test").shuffle(values);
  EXPECT_EQ(std::set<std::int64_t>(values.begin(), values.end()).size(), 101U);
  EXPECT_NE(values[0] + 100 * values[1], 100);
}

}  // namespace
}  // namespace starling::base
