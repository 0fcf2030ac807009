// The target that this file is compiled for; the kernels' own tests cover the one that is picked at run time.
#include <gtest/gtest.h>
// Highway 1.0.3 leaves its AVX3_DL out of the targets even where -march=native makes it the baseline (Zen 5,
// Sapphire Rapids), and then refuses to compile.
#define HWY_WANT_AVX3_DL
#include <hwy/highway.h>

#include <cmath>
#include <limits>
#include <vector>

#include "starling/simd/exp-inl.h"

namespace starling::simd {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T, class Function>
T one(T x, Function function) {
  const hn::ScalableTag<T> d;
  return hn::GetLane(function(d, hn::Set(d, x)));
}

template <class T>
T fast_exp(T x) {
  return one(x, [](auto d, auto v) { return HWY_NAMESPACE::exp_of_nonpositive(d, v); });
}
template <class T>
T fast_root(T x) {
  return one(x, [](auto d, auto v) { return HWY_NAMESPACE::fast_sqrt(d, v); });
}

TEST(ExpOfNonpositive, IsAsExactAsItsArgumentInSinglePrecision) {
  for (float x = 0; x > -87; x -= 0.0037F) {
    const double exact = std::exp(static_cast<double>(x)),
                 relative = static_cast<double>(fast_exp(x)) / exact - 1;
    ASSERT_LT(std::abs(relative), 2e-7 + 1.4e-8 * std::abs(static_cast<double>(x))) << x;
  }
  EXPECT_EQ(fast_exp(0.0F), 1.0F);
}

TEST(ExpOfNonpositive, IsWithinTwoUnitsInDoublePrecision) {
  for (double x = 0; x > -700; x -= 0.0371) ASSERT_NEAR(fast_exp(x) / std::exp(x), 1, 4.5e-16) << x;
}

TEST(ExpOfNonpositive, IsZeroFarOutAndKeepsNaN) {
  EXPECT_EQ(fast_exp(-88.0F), 0.0F);
  EXPECT_EQ(fast_exp(-1e30F), 0.0F);
  EXPECT_EQ(fast_exp(-std::numeric_limits<float>::infinity()), 0.0F);
  EXPECT_EQ(fast_exp(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_TRUE(std::isnan(fast_exp(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(fast_exp(std::numeric_limits<double>::quiet_NaN())));
}

TEST(FastSqrt, IsWithinTwoUnitsInTheLastPlace) {
  for (float x = 1.2e-37F; x < 1e37F; x *= 1.0173F) ASSERT_NEAR(fast_root(x) / std::sqrt(x), 1, 2.4e-7) << x;
  for (double x = 1e-300; x < 1e300; x *= 1.73) ASSERT_EQ(fast_root(x), std::sqrt(x));
  EXPECT_TRUE(std::isnan(fast_root(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace starling::simd
