// Clouds of 16 and more dimensions take their distances from matrix products. Zeros appended to narrow points
// change no distance, so that the other path, itself held to the formulas, says what must come out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference.h"
#include "starling/base/parallel.h"

namespace starling::kernels {
namespace {

template <class T>
class Wide : public ::testing::Test {
 public:
  static constexpr std::ptrdiff_t narrow = 2, wide = 16;
  static constexpr double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-11;

  static std::vector<T> pad(const std::vector<T>& points) {
    std::vector<T> out;
    for (std::size_t i = 0; i < points.size(); i += narrow) {
      out.insert(out.end(), points.begin() + static_cast<std::ptrdiff_t>(i),
                 points.begin() + static_cast<std::ptrdiff_t>(i) + narrow);
      out.resize(out.size() + wide - narrow, T(0));
    }
    return out;
  }

  // A distance carries an error near 1e-7 of itself, which a small scale multiplies: `loss` times the
  // tolerance.
  static void expect_padded(const std::vector<T>& narrow_values, const std::vector<T>& wide_values,
                            double loss = 1) {
    const std::vector<T> expected = pad(narrow_values);
    double largest = 0;
    for (const T value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
    ASSERT_EQ(expected.size(), wide_values.size());
    for (std::size_t p = 0; p < expected.size(); ++p)
      ASSERT_NEAR(wide_values[p], expected[p], loss * tolerance * largest) << "value " << p;
  }

  static std::vector<T> shift(Radial radial, double scale, SelfPair self, const std::vector<T>& z,
                              const std::vector<T>& y, std::ptrdiff_t d) {
    std::vector<T> out(z.size(), T(-77));
    mean_shift<T>(radial, scale, self, z.data(), static_cast<std::ptrdiff_t>(z.size()) / d, y.data(),
                  static_cast<std::ptrdiff_t>(y.size()) / d, d, out.data(), nullptr);
    return out;
  }

  static std::vector<T> field(double temperature, const std::vector<T>& x, const std::vector<T>& y,
                              std::ptrdiff_t d) {
    AffinityRule rule;
    rule.temperature = temperature;
    std::vector<T> out(x.size(), T(-77));
    double_normalised<T>(rule, x.data(), static_cast<std::ptrdiff_t>(x.size()) / d, y.data(),
                         static_cast<std::ptrdiff_t>(y.size()) / d, std::ptrdiff_t{0}, d,
                         static_cast<const T*>(nullptr), out.data());
    return out;
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Wide, Reals);

TYPED_TEST(Wide, MeanShiftIsThatOfTheSamePointsInFewDimensions) {
  using T = TypeParam;
  for (const std::ptrdiff_t n : {1, 7, 600}) {
    const auto z = reference::random_cloud<T>(n, 2, 1), y = reference::random_cloud<T>(n + 11, 2, 2);
    for (const Radial radial : {Radial::gaussian, Radial::laplace, Radial::laplace_gradient, Radial::sharp}) {
      this->expect_padded(this->shift(radial, 0.4, SelfPair::included, z, y, 2),
                          this->shift(radial, 0.4, SelfPair::included, this->pad(z), this->pad(y), 16));
      this->expect_padded(this->shift(radial, 0.4, SelfPair::excluded, y, y, 2),
                          this->shift(radial, 0.4, SelfPair::excluded, this->pad(y), this->pad(y), 16));
    }
  }
}

// Pairs a thousandth of their norms apart: |z|^2 + |y|^2 - 2 z·y has lost six digits there.
TYPED_TEST(Wide, KeepsNearPairsFarFromTheCentre) {
  using T = TypeParam;
  std::vector<T> y = reference::random_cloud<T>(100, 2, 3, 0.01);
  for (std::size_t p = 0; p < y.size(); ++p) y[p] += (p / 2) % 2 == 0 ? T(8) : T(-8);
  this->expect_padded(this->shift(Radial::laplace, 0.01, SelfPair::excluded, y, y, 2),
                      this->shift(Radial::laplace, 0.01, SelfPair::excluded, this->pad(y), this->pad(y), 16),
                      10);
}

TYPED_TEST(Wide, FieldIsThatOfTheSamePointsInFewDimensions) {
  using T = TypeParam;
  for (const std::ptrdiff_t n : {1, 5, 130, 700}) {
    const auto x = reference::random_cloud<T>(n, 2, 4), y = reference::random_cloud<T>(n + 9, 2, 5);
    for (const double temperature : {0.5, 0.002}) {  // the second underflows and needs shifts
      this->expect_padded(this->field(temperature, x, y, 2),
                          this->field(temperature, this->pad(x), this->pad(y), 16),
                          temperature < 0.1 ? 20 : 1);
    }
  }
}

// 3,000 by 6,000 distances are more than are kept between the passes.
TYPED_TEST(Wide, FieldIsTheSameWhenDistancesAreComputedAfresh) {
  using T = TypeParam;
  const auto x = reference::random_cloud<T>(3000, 2, 6), y = reference::random_cloud<T>(3000, 2, 7);
  this->expect_padded(this->field(0.3, x, y, 2), this->field(0.3, this->pad(x), this->pad(y), 16));
}

TYPED_TEST(Wide, AgreesWithTheFormulasInFortyDimensions) {
  using T = TypeParam;
  const auto x = reference::random_cloud<T>(37, 40, 8), y = reference::random_cloud<T>(53, 40, 9);
  AffinityRule rule;
  rule.temperature = 2;
  const auto slow = reference::double_normalised(rule, x, y, 0, 40, {});
  const auto out = this->field(2, x, y, 40);
  const auto slow_shift = reference::mean_shift(Radial::laplace, 2, SelfPair::included, x, y, 40);
  const auto shift = this->shift(Radial::laplace, 2, SelfPair::included, x, y, 40);
  for (std::size_t p = 0; p < x.size(); ++p) {
    ASSERT_NEAR(out[p], static_cast<double>(slow[p]), this->tolerance);
    ASSERT_NEAR(shift[p], static_cast<double>(slow_shift[p]), this->tolerance * 4);
  }
}

TYPED_TEST(Wide, GivesTheSameBytesForAnyNumberOfThreads) {
  using T = TypeParam;
  const auto x = reference::random_cloud<T>(600, 20, 1), y = reference::random_cloud<T>(555, 20, 2);
  std::vector<std::vector<T>> fields, shifts;
  for (const int threads : {1, 2, 5}) {
    const base::ThreadLimit limit(threads);
    fields.push_back(this->field(1, x, y, 20));
    shifts.push_back(this->shift(Radial::laplace, 1, SelfPair::included, x, y, 20));
  }
  for (const std::size_t k : {std::size_t{1}, std::size_t{2}}) {
    EXPECT_EQ(fields[0], fields[k]);
    EXPECT_EQ(shifts[0], shifts[k]);
  }
}

TYPED_TEST(Wide, LosesNoNaN) {
  using T = TypeParam;
  auto y = reference::random_cloud<T>(30, 20, 1);
  y[45] = std::numeric_limits<T>::quiet_NaN();
  const auto z = reference::random_cloud<T>(3, 20, 2);
  const auto out = this->shift(Radial::laplace, 1, SelfPair::included, z, y, 20);
  EXPECT_TRUE(std::any_of(out.begin(), out.end(), [](T value) { return std::isnan(value); }));
}

}  // namespace
}  // namespace starling::kernels
