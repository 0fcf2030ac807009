#include "starling/kernels/entries.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "starling/base/random.h"

namespace starling::kernels {
namespace {

template <class T>
class Entries : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Entries, Precisions);

TYPED_TEST(Entries, AreMeasuredAtEveryLengthAndScale) {
  using T = TypeParam;
  for (const std::ptrdiff_t n : {0, 1, 7, 15, 16, 17, 63, 64, 1000}) {
    for (const double scale : {1e-30, 1.0, 1e30}) {
      std::vector<T> x(static_cast<std::size_t>(n));
      base::Stream(1, 0, "test", static_cast<std::uint64_t>(n)).fill_normal(std::span<T>(x));
      double most = 0, squares = 0;
      for (T& value : x) {
        value *= static_cast<T>(scale);
        most = std::max(most, std::abs(static_cast<double>(value)));
      }
      for (const T value : x) squares += most > 0 ? std::pow(static_cast<double>(value) / most, 2) : 0;
      const T largest = largest_entry(x.data(), n);
      EXPECT_EQ(static_cast<double>(largest), most);
      EXPECT_NEAR(norm(x.data(), n, largest), most * std::sqrt(squares),
                  most * std::sqrt(squares) * 30 * static_cast<double>(std::numeric_limits<T>::epsilon()));
    }
  }
}

TYPED_TEST(Entries, ThatAreNotFiniteAreSeenWhereverTheyStand) {
  using T = TypeParam;
  for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                      -std::numeric_limits<T>::infinity()}) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::vector<T> x(40, T(1));
      x[at] = bad;
      EXPECT_TRUE(std::isnan(largest_entry(x.data(), 40))) << at;
    }
  }
  const std::vector<T> huge(40, std::numeric_limits<T>::max());
  EXPECT_EQ(largest_entry(huge.data(), 40), std::numeric_limits<T>::max());
}

}  // namespace
}  // namespace starling::kernels
