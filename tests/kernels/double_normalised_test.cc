#include "starling/kernels/double_normalised.h"

#include <gtest/gtest.h>

#include "kernels/reference.h"
#include "starling/base/parallel.h"

namespace starling::kernels {
namespace {

template <class T>
class DoubleNormalised : public ::testing::Test {
 public:
  static constexpr double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;

  static std::vector<T> fast(const AffinityRule& rule, const std::vector<T>& x, const std::vector<T>& others,
                             std::ptrdiff_t negatives, std::ptrdiff_t d, const std::vector<T>& weights) {
    std::vector<T> out(x.size(), T(-77));
    double_normalised<T>(rule, x.data(), static_cast<std::ptrdiff_t>(x.size()) / d, others.data(),
                         static_cast<std::ptrdiff_t>(others.size()) / d, negatives, d,
                         weights.empty() ? nullptr : weights.data(), out.data());
    return out;
  }

  static void expect_agreement(const AffinityRule& rule, std::ptrdiff_t n, std::ptrdiff_t m,
                               std::ptrdiff_t negatives, std::ptrdiff_t d, bool weighted, double spread = 1) {
    const auto x = reference::random_cloud<T>(n, d, static_cast<std::uint64_t>(n), spread);
    const auto others = reference::random_cloud<T>(m, d, 100 + static_cast<std::uint64_t>(m), spread);
    std::vector<T> weights;
    for (std::ptrdiff_t j = 0; weighted && j < n + m; ++j) weights.push_back(static_cast<T>(1 + j % 3) / 2);
    const auto slow = reference::double_normalised(rule, x, others, negatives, d, weights);
    const auto out = fast(rule, x, others, negatives, d, weights);
    double largest = 1e-3;
    for (const auto value : slow) largest = std::max(largest, std::abs(static_cast<double>(value)));
    for (std::size_t p = 0; p < x.size(); ++p) {
      ASSERT_NEAR(out[p], static_cast<double>(slow[p]), tolerance * largest)
          << "n " << n << " m " << m << " d " << d;
    }
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(DoubleNormalised, Reals);

AffinityRule with_temperature(double temperature) {
  AffinityRule rule;
  rule.temperature = temperature;
  return rule;
}

TYPED_TEST(DoubleNormalised, AgreesWithTheFormulaAtOddSizes) {
  for (const std::ptrdiff_t d : {1, 2, 5}) {
    for (const std::ptrdiff_t n : {1, 2, 3, 64, 131}) {
      for (const std::ptrdiff_t m : {1, 16, 257})
        this->expect_agreement(with_temperature(0.5), n, m, 0, d, false);
    }
  }
}

TYPED_TEST(DoubleNormalised, AgreesWithNegativesAndWeights) {
  for (const std::ptrdiff_t negatives : {1, 7, 40}) {
    this->expect_agreement(with_temperature(0.4), 33, 77, negatives, 2, true);
  }
}

TYPED_TEST(DoubleNormalised, AgreesWhereTheSumsUnderflowAndNeedShifts) {
  // Typical distances of 30 at temperature .05: exp(-600) is zero in float, and near the end of double's
  // range.
  this->expect_agreement(with_temperature(0.25), 20, 30, 0, 2, false, 20);
}

TYPED_TEST(DoubleNormalised, AgreesWithTheNotebooksClamp) {
  AffinityRule rule = with_temperature(0.05);
  rule.least_normaliser = 1e-12;
  this->expect_agreement(rule, 40, 50, 0, 2, false);
}

TYPED_TEST(DoubleNormalised, AgreesWithTheReleasedFloor) {
  AffinityRule rule = with_temperature(0.1);
  rule.diagonal = 100;
  rule.least_distance = 1e-4;
  rule.least_affinity = 1e-3;
  this->expect_agreement(rule, 40, 50, 11, 3, true);
}

TYPED_TEST(DoubleNormalised, GivesTheSameBytesForAnyNumberOfThreads) {
  using T = TypeParam;
  const auto x = reference::random_cloud<T>(333, 2, 1), y = reference::random_cloud<T>(444, 2, 2);
  std::vector<std::vector<T>> results;
  for (const int threads : {1, 2, 5}) {
    const base::ThreadLimit limit(threads);
    ASSERT_EQ(base::thread_count(), threads);
    results.push_back(this->fast(with_temperature(0.1), x, y, 0, 2, {}));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(WeightedDistanceSum, AgreesWithTheFormula) {
  const auto x = reference::random_cloud<double>(37, 3, 1), y = reference::random_cloud<double>(29, 3, 2);
  std::vector<double> weights;
  for (int j = 0; j < 37 + 29; ++j) weights.push_back(1 + j % 2);
  long double expected = 0;
  for (std::size_t i = 0; i < 37; ++i) {
    for (std::size_t j = 0; j < 37 + 29; ++j) {
      const double* column = j < 37 ? &x[3 * j] : &y[3 * (j - 37)];
      expected += weights[j] * std::max(reference::distance(&x[3 * i], column, 3), 1e-4L);
    }
  }
  EXPECT_NEAR(weighted_distance_sum<double>(x.data(), 37, y.data(), 29, 3, weights.data(), 1e-4),
              static_cast<double>(expected), 1e-10);
}

}  // namespace
}  // namespace starling::kernels
