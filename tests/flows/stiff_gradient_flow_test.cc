#include "starling/flows/stiff_gradient_flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace starling::flows {
namespace {

// L = Σ_p λ_p y_p² / 2 with λ = 1, 10, ..., 1e6.
Potential bowl() {
  const auto apply = [](std::span<const double> v, std::span<double> out) {
    for (std::size_t p = 0; p < v.size(); ++p) out[p] = std::pow(10.0, static_cast<double>(p)) * v[p];
  };
  return {apply, [](std::span<const double>) {}, apply};
}

TEST(StiffGradientFlow, SettlesAStiffBowlInFewSteps) {
  std::vector<double> y(7, 1.0);
  const StiffState state = settle(bowl(), y);
  EXPECT_EQ(state.end, StiffEnd::settled);
  EXPECT_LT(state.gradient_max, 1e-8);
  EXPECT_LT(state.steps, 2000);  // an explicit method needs ten million
  for (const double value : y) EXPECT_NEAR(value, 0, 1e-8);
}

// y' = y - y³ from 0.1: y(t) = 1 / √(1 + 99 e^{-2t}), seen by a watcher at every step.
TEST(StiffGradientFlow, ShowsItsWatcherTheTrajectoryAndObeysIt) {
  double at = 0;
  const Potential well{[](auto y, auto out) { out[0] = y[0] * (y[0] * y[0] - 1); },
                       [&](auto y) { at = y[0]; },
                       [&](auto v, auto out) { out[0] = (3 * at * at - 1) * v[0]; }};
  std::vector<double> y{0.1};
  const StiffState stopped =
      settle(well, y, {.rtol = 1e-8, .atol = 1e-10},
             [](double, std::span<double> now) { return now[0] > 0.7 ? Watch::stop : Watch::go_on; });
  EXPECT_EQ(stopped.end, StiffEnd::stopped);
  EXPECT_NEAR(y[0], 1 / std::sqrt(1 + 99 * std::exp(-2 * stopped.time)), 1e-6);
  int moved = 0;
  y = {0.1};
  const StiffState other = settle(well, y, {}, [&](double, std::span<double> now) {
    if (moved++ > 0) return Watch::go_on;
    now[0] = -0.1;
    return Watch::restart;
  });
  EXPECT_EQ(other.end, StiffEnd::settled);
  EXPECT_NEAR(y[0], -1, 1e-7);
}

TEST(StiffGradientFlow, SaysWhyItEnds) {
  std::vector<double> y(7, 1.0);
  EXPECT_EQ(settle(bowl(), y, {.most_steps = 3}).end, StiffEnd::exhausted);
  y.assign(7, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(settle(bowl(), y).end, StiffEnd::lost);
}

TEST(StiffGradientFlow, HandsOnWhatACallbackThrows) {
  Potential bad = bowl();
  bad.curvature = [](auto, auto) { throw std::runtime_error("no curvature today"); };
  std::vector<double> y(7, 1.0);
  EXPECT_THROW(settle(bad, y), std::runtime_error);
  bad.gradient = [](auto, auto) { throw std::domain_error("no gradient either"); };
  EXPECT_THROW(settle(bad, y), std::domain_error);
}

}  // namespace
}  // namespace starling::flows
