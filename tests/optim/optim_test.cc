#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "starling/optim/adamw.h"
#include "starling/optim/schedule.h"
#include "starling/optim/sgd.h"

namespace starling::optim {
namespace {

template <class T>
class Optimiser : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Optimiser, Precisions);

// The paper's algorithm 2, line by line, in double.
TYPED_TEST(Optimiser, AdamWFollowsThePublishedAlgorithm) {
  using T = TypeParam;
  const AdamWSpec spec{.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-6, .decay = 0.1};
  const double rate = 0.05, tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  std::vector<T> p = {T(1), T(-2), T(0.5)};
  std::vector<double> theta(p.begin(), p.end()), m(3), v(3);
  AdamWState<T> state(3);
  for (int t = 1; t <= 50; ++t) {
    std::vector<T> g;
    for (int i = 0; i < 3; ++i) g.push_back(static_cast<T>(std::sin(t * (i + 1)) + 0.3));
    adamw_step<T>(spec, rate, p, g, state);
    for (std::size_t i = 0; i < 3; ++i) {
      const double gradient = static_cast<double>(g[i]);
      m[i] = spec.beta1 * m[i] + (1 - spec.beta1) * gradient;
      v[i] = spec.beta2 * v[i] + (1 - spec.beta2) * gradient * gradient;
      const double m_hat = m[i] / (1 - std::pow(spec.beta1, t)), v_hat = v[i] / (1 - std::pow(spec.beta2, t));
      theta[i] -= rate * (m_hat / (std::sqrt(v_hat) + spec.epsilon) + spec.decay * theta[i]);
      EXPECT_NEAR(static_cast<double>(p[i]), theta[i], tolerance);
    }
  }
  EXPECT_EQ(state.step, 50);
}

TYPED_TEST(Optimiser, TheFirstAdamStepHasTheLengthOfTheRateWhateverTheGradient) {
  using T = TypeParam;
  std::vector<T> p = {0, 0};
  AdamWState<T> state(2);
  adamw_step<T>({}, 0.01, p, std::vector<T>{T(1e-3), T(-1e3)}, state);
  EXPECT_NEAR(static_cast<double>(p[0]), -0.01, 1e-6);
  EXPECT_NEAR(static_cast<double>(p[1]), 0.01, 1e-6);
}

// On q/2 x^2 heavy-ball descent obeys x' = (1 + b - rate q) x - b x_before.
TYPED_TEST(Optimiser, MomentumDescentObeysItsRecurrenceOnAParabola) {
  using T = TypeParam;
  const double q = 2, rate = 0.1, b = 0.5;
  std::vector<T> p = {1};
  SgdState<T> state(1);
  double before = 1, now = 1;  // at rest
  for (int t = 0; t < 30; ++t) {
    sgd_step<T>({.momentum = b}, rate, p, std::vector<T>{static_cast<T>(q) * p[0]}, state);
    const double next = (1 + b - rate * q) * now - b * before;
    before = now;
    now = next;
    EXPECT_NEAR(static_cast<double>(p[0]), now, sizeof(T) == 4 ? 1e-5 : 1e-13);
  }
}

TYPED_TEST(Optimiser, DecayAloneShrinksGeometrically) {
  using T = TypeParam;
  std::vector<T> p = {1}, q = {1};
  SgdState<T> sgd(1);
  AdamWState<T> adam(1);
  for (int t = 0; t < 10; ++t) {
    sgd_step<T>({.decay = 0.5}, 0.1, p, std::vector<T>{0}, sgd);
    adamw_step<T>({.decay = 0.5}, 0.1, q, std::vector<T>{0}, adam);
  }
  EXPECT_NEAR(static_cast<double>(p[0]), std::pow(0.95, 10), 1e-6);
  EXPECT_NEAR(static_cast<double>(q[0]), std::pow(0.95, 10), 1e-6);
}

TEST(Schedule, WarmsUpLinearlyThenHolds) {
  const Schedule s{.rate = 2, .warm_up = 4, .steps = 10};
  EXPECT_DOUBLE_EQ(rate_at(s, 0), 0.5);
  EXPECT_DOUBLE_EQ(rate_at(s, 3), 2);
  EXPECT_DOUBLE_EQ(rate_at(s, 9), 2);
}

TEST(Schedule, FallsAlongHalfACosineToZeroAndStaysThere) {
  const Schedule s{.rate = 2, .warm_up = 2, .steps = 12, .decay = Decay::cosine};
  EXPECT_DOUBLE_EQ(rate_at(s, 2), 2);
  EXPECT_DOUBLE_EQ(rate_at(s, 7), 1);
  EXPECT_NEAR(rate_at(s, 12), 0, 1e-15);
  EXPECT_NEAR(rate_at(s, 1000), 0, 1e-15);
}

TYPED_TEST(Optimiser, ClippingKeepsTheDirectionAndReportsTheNormBefore) {
  using T = TypeParam;
  std::vector<T> g = {3, 4};
  EXPECT_DOUBLE_EQ(clip_norm(std::span<T>(g), 0), 5);
  EXPECT_EQ(g[0], T(3));
  EXPECT_DOUBLE_EQ(clip_norm(std::span<T>(g), 6), 5);
  EXPECT_EQ(g[1], T(4));
  EXPECT_DOUBLE_EQ(clip_norm(std::span<T>(g), 1), 5);
  EXPECT_NEAR(static_cast<double>(g[0]), 0.6, 1e-6);
  EXPECT_NEAR(static_cast<double>(g[1]), 0.8, 1e-6);
}

TYPED_TEST(Optimiser, TheRunningAverageOfAConstantApproachesItGeometrically) {
  using T = TypeParam;
  std::vector<T> average = {0};
  const std::vector<T> value = {1};
  for (int t = 0; t < 5; ++t) update_average<T>(0.9, average, value);
  EXPECT_NEAR(static_cast<double>(average[0]), 1 - std::pow(0.9, 5), 1e-6);
}

}  // namespace
}  // namespace starling::optim
