#include "starling/kernels/mean_shift.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/reference.h"
#include "starling/base/parallel.h"

namespace starling::kernels {
namespace {

template <class T>
class MeanShift : public ::testing::Test {
 public:
  static constexpr double tolerance = sizeof(T) == 4 ? 4e-6 : 1e-13;

  static std::vector<T> fast(Radial radial, double scale, SelfPair self, const std::vector<T>& z,
                             const std::vector<T>& y, std::ptrdiff_t d) {
    std::vector<T> out(z.size(), T(-77));
    mean_shift<T>(radial, scale, self, z.data(), static_cast<std::ptrdiff_t>(z.size()) / d, y.data(),
                  static_cast<std::ptrdiff_t>(y.size()) / d, d, out.data(), nullptr);
    return out;
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MeanShift, Reals);

constexpr Radial every_radial[] = {Radial::gaussian, Radial::laplace, Radial::laplace_gradient,
                                   Radial::sharp};

TYPED_TEST(MeanShift, AgreesWithTheFormulaForEveryKernelAtOddSizes) {
  using T = TypeParam;
  for (const Radial radial : every_radial) {
    for (const std::ptrdiff_t d : {1, 2, 3, 17}) {
      for (const std::ptrdiff_t n : {1, 2, 5, 63, 67}) {
        for (const std::ptrdiff_t m : {1, 15, 16, 255, 257, 600}) {
          const auto z = reference::random_cloud<T>(n, d, static_cast<std::uint64_t>(n));
          const auto y = reference::random_cloud<T>(m, d, 1000 + static_cast<std::uint64_t>(m));
          const auto slow = reference::mean_shift(radial, 0.7, SelfPair::included, z, y, d);
          const auto out = this->fast(radial, 0.7, SelfPair::included, z, y, d);
          for (std::size_t p = 0; p < z.size(); ++p) {
            ASSERT_NEAR(out[p], static_cast<double>(slow[p]), this->tolerance * 4)
                << "kernel " << static_cast<int>(radial) << " d " << d << " n " << n << " m " << m;
          }
        }
      }
    }
  }
}

TYPED_TEST(MeanShift, LeavesTheSelfPairOut) {
  using T = TypeParam;
  for (const Radial radial : every_radial) {
    for (const std::ptrdiff_t n : {2, 3, 16, 65, 300}) {
      const auto x = reference::random_cloud<T>(n, 2, static_cast<std::uint64_t>(n));
      const auto slow = reference::mean_shift(radial, 0.5, SelfPair::excluded, x, x, 2);
      const auto out = this->fast(radial, 0.5, SelfPair::excluded, x, x, 2);
      for (std::size_t p = 0; p < x.size(); ++p) {
        ASSERT_NEAR(out[p], static_cast<double>(slow[p]),
                    this->tolerance * 20 * (1 + std::abs(static_cast<double>(slow[p]))));
      }
    }
  }
}

TYPED_TEST(MeanShift, IsZeroWhereNoPairIsLeft) {
  using T = TypeParam;
  const std::vector<T> one = {T(1), T(2)};
  EXPECT_EQ(this->fast(Radial::laplace, 0.5, SelfPair::excluded, one, one, 2), std::vector<T>(2, T(0)));
  EXPECT_EQ(this->fast(Radial::gaussian, 0.5, SelfPair::included, one, {}, 2), std::vector<T>(2, T(0)));
  EXPECT_TRUE(this->fast(Radial::gaussian, 0.5, SelfPair::included, {}, one, 2).empty());
}

TYPED_TEST(MeanShift, DoesNotUnderflowFarFromTheData) {
  using T = TypeParam;
  const std::vector<T> z = {T(1000)};
  const std::vector<T> y = {T(0), T(1)};
  for (const Radial radial : {Radial::gaussian, Radial::laplace}) {
    EXPECT_NEAR(this->fast(radial, 0.05, SelfPair::included, z, y, 1)[0], -999, 1e-3);
  }
}

TYPED_TEST(MeanShift, SurvivesACloudFarFromTheOrigin) {
  using T = TypeParam;
  const auto z = reference::random_cloud<T>(40, 3, 1, 0.25, 64);
  const auto y = reference::random_cloud<T>(50, 3, 2, 0.25, 64);
  const auto slow = reference::mean_shift(Radial::laplace, 0.1, SelfPair::included, z, y, 3);
  const auto out = this->fast(Radial::laplace, 0.1, SelfPair::included, z, y, 3);
  for (std::size_t p = 0; p < z.size(); ++p)
    ASSERT_NEAR(out[p], static_cast<double>(slow[p]), this->tolerance * 10);
}

TYPED_TEST(MeanShift, GivesTheLogarithmOfTheMass) {
  using T = TypeParam;
  const std::vector<T> z = {T(0)}, y = {T(3), T(5)};
  T shift{}, log_mass{};
  mean_shift<T>(Radial::laplace, 0.01, SelfPair::included, z.data(), 1, y.data(), 2, 1, &shift, &log_mass);
  EXPECT_NEAR(log_mass, -300, 1e-4);
}

TYPED_TEST(MeanShift, GivesTheSameBytesForAnyNumberOfThreads) {
  using T = TypeParam;
  const auto z = reference::random_cloud<T>(777, 2, 1), y = reference::random_cloud<T>(555, 2, 2);
  std::vector<std::vector<T>> results;
  for (const int threads : {1, 2, 5}) {
    const base::ThreadLimit limit(threads);
    ASSERT_EQ(base::thread_count(), threads);
    results.push_back(this->fast(Radial::laplace, 0.1, SelfPair::included, z, y, 2));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace starling::kernels
