// The target that this file is compiled for; the tests of what uses it cover the one that is picked at run
// time.
#include <gtest/gtest.h>
// See elementary_test.cc.
#define HWY_WANT_AVX3_DL
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "starling/base/random.h"
#include "starling/simd/cholesky-inl.h"
#include "starling/simd/lane_vector.h"

namespace starling::simd {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Index = std::ptrdiff_t;
using HWY_NAMESPACE::packed_row;

const hn::ScalableTag<double> d;
const Index lanes = static_cast<Index>(hn::Lanes(d));

// Z Z' + shift I of each lane's own random Z, packed; the order is padded with ones on the diagonal.
LaneVector random_matrices(Index n, Index padded, double shift) {
  LaneVector packed(static_cast<std::size_t>(packed_row(padded) * lanes), 0.0);
  for (Index lane = 0; lane < lanes; ++lane) {
    base::Stream stream(5, static_cast<std::uint32_t>(n), "matrix", static_cast<std::uint64_t>(lane));
    std::vector<double> z(static_cast<std::size_t>(n * n));
    stream.fill_normal(std::span(z));
    for (Index r = 0; r < padded; ++r) {
      for (Index c = 0; c <= r; ++c) {
        double sum = r == c ? (r < n ? shift : 1) : 0;
        for (Index k = 0; k < n && r < n; ++k)
          sum += z[static_cast<std::size_t>(r * n + k)] * z[static_cast<std::size_t>(c * n + k)];
        packed[static_cast<std::size_t>((packed_row(r) + c) * lanes + lane)] = sum;
      }
    }
  }
  return packed;
}

double entry(const LaneVector& packed, Index r, Index c, Index lane) {
  const Index at = r >= c ? packed_row(r) + c : packed_row(c) + r;
  return packed[static_cast<std::size_t>(at * lanes + lane)];
}

TEST(LaneCholesky, SolvesOneSystemInEveryLane) {
  for (const Index n : {1, 2, 3, 4, 5, 8, 13, 28, 61}) {
    const Index padded = (n + 3) / 4 * 4;
    const LaneVector matrix = random_matrices(n, padded, 0.5);
    LaneVector factor = matrix, x(static_cast<std::size_t>(padded * lanes), 0.0);
    base::Stream stream(6, static_cast<std::uint32_t>(n), "right side");
    stream.fill_normal(std::span(x.data(), static_cast<std::size_t>(n * lanes)));
    const LaneVector b = x;
    const auto definite = HWY_NAMESPACE::factorise(d, padded, factor.data());
    EXPECT_TRUE(hn::AllTrue(d, definite));
    HWY_NAMESPACE::solve(d, padded, factor.data(), x.data());
    for (Index lane = 0; lane < lanes; ++lane) {
      for (Index r = 0; r < n; ++r) {
        double product = 0, size = 0;
        for (Index c = 0; c < n; ++c) {
          const double term = entry(matrix, r, c, lane) * x[static_cast<std::size_t>(c * lanes + lane)];
          product += term;
          size += std::abs(term);
        }
        ASSERT_NEAR(product, b[static_cast<std::size_t>(r * lanes + lane)], 1e-13 * (1 + size))
            << "order " << n << " row " << r << " lane " << lane;
      }
    }
  }
}

TEST(LaneCholesky, NamesTheLanesThatAreNotPositiveDefiniteAndLeavesTheOthersAlone) {
  const Index n = 12;
  const LaneVector matrix = random_matrices(n, n, 0.5);
  LaneVector spoiled = matrix, factor = matrix;
  for (Index lane = 0; lane < lanes; lane += 2)
    spoiled[static_cast<std::size_t>((packed_row(7) + 7) * lanes + lane)] = -1;
  HWY_NAMESPACE::factorise(d, n, factor.data());
  const auto definite = HWY_NAMESPACE::factorise(d, n, spoiled.data());
  for (Index lane = 0; lane < lanes; ++lane) {
    alignas(64) double seen[32];
    hn::Store(hn::IfThenElseZero(definite, hn::Set(d, 1.0)), d, seen);
    EXPECT_EQ(seen[lane], lane % 2 == 0 ? 0 : 1);
    for (Index at = 0; at < packed_row(n); ++at) {
      const std::size_t i = static_cast<std::size_t>(at * lanes + lane);
      EXPECT_TRUE(std::isfinite(spoiled[i]));
      EXPECT_TRUE(lane % 2 == 0 || spoiled[i] == factor[i]);
    }
  }
}

TEST(LaneCholesky, TakesANumberThatIsNotFiniteForIndefinite) {
  LaneVector matrix = random_matrices(4, 4, 0.5);
  matrix[0] = std::nan("");
  const auto definite = HWY_NAMESPACE::factorise(d, 4, matrix.data());
  EXPECT_EQ(hn::CountTrue(d, definite), static_cast<std::size_t>(lanes - 1));
}

}  // namespace
}  // namespace starling::simd
