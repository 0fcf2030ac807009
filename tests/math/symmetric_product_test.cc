#include "starling/math/symmetric_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::math {
namespace {

using base::Index;
using base::Points;

template <class T>
Points<T> normal(Index rows, Index columns, std::uint64_t seed) {
  Points<T> out(rows, columns);
  base::Stream(seed, 0, "test").fill_normal(std::span<T>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

template <class T>
class SymmetricProduct : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SymmetricProduct, Precisions);

TYPED_TEST(SymmetricProduct, OfAMatrixWithItselfIsItsGramMatrix) {
  using T = TypeParam;
  for (const auto& [n, k] : std::vector<std::pair<Index, Index>>{
           {0, 3}, {1, 1}, {5, 3}, {16, 40}, {33, 1}, {64, 7}, {100, 65}, {300, 20}}) {
    const Points<T> a = normal<T>(n, k, 1);
    const Points<T> before = normal<T>(n, n, 2), start = before + before.transpose();
    Points<T> out = start;
    gram_product(n, k, T(0.5), a.data(), T(-2), out.data());
    const Points<double> x = a.template cast<double>();
    const Points<double> expected = 0.5 * x * x.transpose() - 2 * start.template cast<double>();
    const double bound =
        4 * static_cast<double>(k + 2) * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        EXPECT_NEAR(static_cast<double>(out(i, j)), expected(i, j),
                    bound * (x.row(i).norm() * x.row(j).norm() + std::abs(expected(i, j)) + 4));
        EXPECT_EQ(out(i, j), out(j, i));
      }
    }
  }
}

TYPED_TEST(SymmetricProduct, OfPowersOfOneMatrixIsTheProduct) {
  using T = TypeParam;
  for (const Index n : {0, 1, 3, 31, 33, 100, 257, 300}) {
    const Points<T> half = normal<T>(n, n, 3), a = (half + half.transpose()) / static_cast<T>(n + 1);
    Points<T> square(n, n);
    gram_product<T>(n, n, 1, a.data(), 0, square.data());
    for (const T* right : {a.data(), static_cast<const T*>(square.data())}) {
      Points<T> out = a;
      symmetric_product<T>(n, T(2), a.data(), right, T(3), out.data());
      const Points<double> x = a.template cast<double>();
      const Points<double> factor = right == a.data() ? x : Points<double>(square.template cast<double>());
      const Points<double> expected = 2 * x * factor + 3 * x;
      if (n == 0) continue;
      EXPECT_LT((out.template cast<double>() - expected).cwiseAbs().maxCoeff(),
                100 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      EXPECT_TRUE(out == Points<T>(out.transpose()));
    }
  }
}

TYPED_TEST(SymmetricProduct, IgnoresWhatItOverwrites) {
  using T = TypeParam;
  const Points<T> a = normal<T>(40, 9, 1);
  Points<T> clean = Points<T>::Zero(40, 40),
            dirty = Points<T>::Constant(40, 40, std::numeric_limits<T>::quiet_NaN());
  gram_product<T>(40, 9, 1, a.data(), 0, clean.data());
  gram_product<T>(40, 9, 1, a.data(), 0, dirty.data());
  EXPECT_TRUE(clean == dirty);
  const Points<T> square = clean;
  symmetric_product<T>(40, 1, square.data(), square.data(), 0, clean.data());
  dirty.setConstant(std::numeric_limits<T>::quiet_NaN());
  symmetric_product<T>(40, 1, square.data(), square.data(), 0, dirty.data());
  EXPECT_TRUE(clean == dirty);
}

TYPED_TEST(SymmetricProduct, MirrorsAnyRangeOfRows) {
  using T = TypeParam;
  constexpr std::ptrdiff_t n = 45, stride = 48;
  std::vector<T> matrix(n * stride);
  for (std::size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<T>(i);
  auto mirrored = matrix;
  mirror_upper(20, 41, stride, mirrored.data());
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    for (std::ptrdiff_t j = 0; j < stride; ++j) {
      const bool changed = i >= 20 && i < 41 && j < i;
      EXPECT_EQ(mirrored[static_cast<std::size_t>(i * stride + j)],
                matrix[static_cast<std::size_t>(changed ? j * stride + i : i * stride + j)]);
    }
  }
}

}  // namespace
}  // namespace starling::math
