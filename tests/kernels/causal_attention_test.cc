#include "starling/kernels/causal_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "simd/each_target.h"
#include "starling/base/random.h"

namespace starling::kernels {
namespace {

using base::Index;
using LongReals = std::vector<long double>;

// Queries, keys and values side by side, as a transformer has them, with a stranger's number after each row;
// and the slope of a loss at what comes out, with one too.
template <class T>
struct Head {
  CausalHead shape;
  T scale = T(0.3);
  std::vector<T> qkv, d_out;

  Head(Index length, Index size, std::uint64_t seed) : shape{length, size, 3 * size + 1, size + 1} {
    base::Stream stream(seed, 0, "test");
    for (Index i = 0; i < length * shape.stride; ++i) qkv.push_back(static_cast<T>(stream.normal()));
    for (Index i = 0; i < length * shape.out_stride; ++i) d_out.push_back(static_cast<T>(stream.normal()));
  }
  std::size_t at(Index part, Index i, Index k) const {
    return static_cast<std::size_t>(i * shape.stride + part * shape.size + k);
  }
  std::size_t out_at(Index i, Index k) const { return static_cast<std::size_t>(i * shape.out_stride + k); }

  // The shares and Σ d_out · out, by the formulas.
  long double loss(const LongReals& x, LongReals& shares) const {
    const Index t = shape.length;
    shares.assign(static_cast<std::size_t>(t * t), 0);
    long double loss = 0;
    for (Index i = 0; i < t; ++i) {
      long double sum = 0;
      for (Index j = 0; j <= i; ++j) {
        long double score = 0;
        for (Index k = 0; k < shape.size; ++k) score += x[at(0, i, k)] * x[at(1, j, k)];
        sum += shares[static_cast<std::size_t>(i * t + j)] =
            std::exp(static_cast<long double>(scale) * score);
      }
      for (Index j = 0; j <= i; ++j) {
        const long double share = shares[static_cast<std::size_t>(i * t + j)] /= sum;
        for (Index k = 0; k < shape.size; ++k)
          loss += share * x[at(2, j, k)] * static_cast<long double>(d_out[out_at(i, k)]);
      }
    }
    return loss;
  }
};

template <class T>
class CausalAttentionOf : public ::testing::Test {
 protected:
  static constexpr double tolerance = sizeof(T) == 8 ? 1e-13 : 4e-5;
};
using AttentionReals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CausalAttentionOf, AttentionReals);

const std::vector<std::pair<Index, Index>> head_shapes{{1, 1},   {2, 3},   {7, 5},    {16, 16}, {33, 8},
                                                       {64, 32}, {65, 20}, {129, 33}, {200, 64}};

TYPED_TEST(CausalAttentionOf, IsTheFormulaForEveryShapeAndInstructionSet) {
  using T = TypeParam;
  for (const auto& shape : head_shapes) {
    const Index length = shape.first, size = shape.second;  // clang 14 captures no structured bindings
    SCOPED_TRACE(std::to_string(length) + " x " + std::to_string(size));
    const Head<T> head(length, size, 3);
    LongReals exact;
    head.loss(LongReals(head.qkv.begin(), head.qkv.end()), exact);
    simd::testing::on_each_target([&] {
      std::vector<T> shares(exact.size(), T(7)), out(head.d_out.size(), T(7));
      const T* q = head.qkv.data();
      causal_attention(head.shape, head.scale, q, q + size, q + 2 * size, shares.data(), out.data());
      for (std::size_t i = 0; i < exact.size(); ++i)
        ASSERT_NEAR(static_cast<double>(shares[i]), static_cast<double>(exact[i]), this->tolerance) << i;
      for (Index i = 0; i < length; ++i) {
        for (Index k = 0; k < size; ++k) {
          long double mean = 0;
          for (Index j = 0; j < length; ++j)
            mean += exact[static_cast<std::size_t>(i * length + j)] *
                    static_cast<long double>(head.qkv[head.at(2, j, k)]);
          ASSERT_NEAR(static_cast<double>(out[head.out_at(i, k)]), static_cast<double>(mean),
                      4 * this->tolerance);
        }
        EXPECT_EQ(out[head.out_at(i, size)], T(7)) << "a neighbour's number was written to";
        for (Index j = i + 1; j < length; ++j)
          ASSERT_EQ(shares[static_cast<std::size_t>(i * length + j)], T(0)) << i << " sees " << j;
      }
    });
  }
}

// Central differences of the loss in long double, of some numbers of each head.
TYPED_TEST(CausalAttentionOf, GradientsEqualFiniteDifferencesForEveryShapeAndInstructionSet) {
  using T = TypeParam;
  for (const auto& shape : head_shapes) {
    const Index length = shape.first, size = shape.second;  // clang 14 captures no structured bindings
    SCOPED_TRACE(std::to_string(length) + " x " + std::to_string(size));
    const Head<T> head(length, size, 9);
    const LongReals x(head.qkv.begin(), head.qkv.end());
    LongReals exact;
    head.loss(x, exact);
    simd::testing::on_each_target([&] {
      const std::vector<T> shares(exact.begin(), exact.end());
      std::vector<T> gradient = head.qkv;
      T* q = gradient.data();
      causal_attention_backward(head.shape, head.scale, shares.data(), head.d_out.data(), q, q + size,
                                q + 2 * size);
      base::Stream stream(1, 1, "test");
      for (int draw = 0; draw < 12; ++draw) {
        const auto i = static_cast<Index>(stream.uniform() * static_cast<double>(length));
        const auto part = static_cast<Index>(stream.uniform() * 3),
                   k = static_cast<Index>(stream.uniform() * static_cast<double>(size));
        const long double h = 1e-5L;
        LongReals there = x, unused;
        there[head.at(part, i, k)] += h;
        long double difference = head.loss(there, unused);
        there[head.at(part, i, k)] -= 2 * h;
        difference -= head.loss(there, unused);
        EXPECT_NEAR(static_cast<double>(gradient[head.at(part, i, k)]),
                    static_cast<double>(difference / (2 * h)), sizeof(T) == 8 ? 1e-9 : 2e-4)
            << "of part " << part << ", " << i << ", " << k;
      }
      for (Index i = 0; i < length; ++i)
        EXPECT_EQ(gradient[head.at(3, i, 0)], head.qkv[head.at(3, i, 0)]) << "a neighbour's number";
    });
  }
}

TYPED_TEST(CausalAttentionOf, ScoresOfAnySizeGiveSharesAndOneThatIsNoNumberIsSeen) {
  using T = TypeParam;
  Head<T> head(20, 4, 5);
  for (T& x : head.qkv) x *= sizeof(T) == 8 ? T(1e100) : T(1e12);
  std::vector<T> shares(400), out(head.d_out.size());
  T* q = head.qkv.data();
  causal_attention(head.shape, head.scale, q, q + 4, q + 8, shares.data(), out.data());
  for (Index i = 0; i < 20; ++i) {
    T sum = 0;
    for (Index j = 0; j < 20; ++j) sum += shares[static_cast<std::size_t>(i * 20 + j)];
    EXPECT_NEAR(static_cast<double>(sum), 1, 1e-6) << i;
  }
  head.qkv[head.at(0, 11, 2)] = std::numeric_limits<T>::quiet_NaN();
  causal_attention(head.shape, head.scale, q, q + 4, q + 8, shares.data(), out.data());
  for (Index i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(out[head.out_at(i, 0)]), i == 11) << i;
}

}  // namespace
}  // namespace starling::kernels
