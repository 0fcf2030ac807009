// The target that this file is compiled for; the students' flow covers the one that is picked at run time.
#include <gtest/gtest.h>
// See tests/simd/elementary_test.cc.
#define HWY_WANT_AVX3_DL
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "starling/flows/lane_rosenbrock-inl.h"

namespace starling::flows {
namespace {

using Index = std::ptrdiff_t;
using HWY_NAMESPACE::LaneRosenbrock;
namespace hn = hwy::HWY_NAMESPACE;
const Index lanes = static_cast<Index>(hn::Lanes(hn::ScalableTag<double>()));

// L = Σ_p λ_p y_p²/2 with λ = 1, 1e3, 1e6: stiff, solved by exponentials.
struct Bowl {
  static constexpr double rate[3] = {1, 1e3, 1e6};
  Index size() const { return 3; }
  void gradient(const double* y, double* out) const {
    for (Index p = 0; p < 3; ++p) {
      for (Index lane = 0; lane < lanes; ++lane) out[p * lanes + lane] = rate[p] * y[p * lanes + lane];
    }
  }
  void hessian(const double*, double* out) const {
    for (Index r = 0; r < 3; ++r) {
      for (Index c = 0; c <= r; ++c) {
        for (Index lane = 0; lane < lanes; ++lane)
          out[(simd::HWY_NAMESPACE::packed_row(r) + c) * lanes + lane] = r == c ? rate[r] : 0;
      }
    }
  }
};

// L = y⁴/4 - y²/2, an unstable point between two minima: y(t) = e^t / √(e^{2t} + 1/y0² - 1).
struct DoubleWell {
  Index size() const { return 1; }
  void gradient(const double* y, double* out) const {
    for (Index lane = 0; lane < lanes; ++lane) out[lane] = y[lane] * (y[lane] * y[lane] - 1);
  }
  void hessian(const double* y, double* out) const {
    for (Index lane = 0; lane < lanes; ++lane) out[lane] = 3 * y[lane] * y[lane] - 1;
  }
};

double well(double y0, double t) {
  return 1 / std::sqrt(1 + (1 / (y0 * y0) - 1) * std::exp(-2 * t));
}

TEST(LaneRosenbrock, FollowsAStiffDecayAndThenTakesNewtonSteps) {
  Bowl system;
  LaneRosenbrock<Bowl> flow(system, 1e-8, 1e-12);
  for (Index lane = 0; lane < lanes; ++lane) {
    for (Index p = 0; p < 3; ++p) flow.y()[p * lanes + lane] = 1;
    flow.restart(lane, 1e-6);
  }
  int steps = 0;
  for (; steps < 4000 && std::abs(flow.y()[0]) > 1e-8; ++steps) {
    flow.evaluate();
    flow.advance();
    ASSERT_NEAR(flow.y()[0], std::exp(-flow.time(0)), 1e-7);
  }
  EXPECT_LT(steps, 2000);  // an explicit method needs millions
  EXPECT_NEAR(flow.y()[2 * lanes], 0, 1e-11);
}

TEST(LaneRosenbrock, IsOfOrderFour) {
  DoubleWell system;
  const auto error_with = [&](double rtol, int* steps) {
    LaneRosenbrock<DoubleWell> flow(system, rtol, rtol);
    for (Index lane = 0; lane < lanes; ++lane) {
      flow.y()[lane] = 0.1;
      flow.restart(lane, 1e-3);
    }
    double most = 0;
    for (*steps = 0; flow.time(0) < 3; ++*steps) {
      flow.evaluate();
      flow.advance();
      most = std::max(most, std::abs(flow.y()[0] - well(0.1, flow.time(0))));
    }
    return most;
  };
  int few = 0, many = 0;
  const double coarse = error_with(1e-5, &few), fine = error_with(1e-10, &many);
  EXPECT_LT(coarse, 1e-4);
  const double order = std::log(coarse / fine) / std::log(static_cast<double>(many) / few);
  EXPECT_GT(order, 3.6);
  EXPECT_LT(order, 5.0);
}

TEST(LaneRosenbrock, KeepsLanesApart) {
  DoubleWell system;
  const auto run = [&](double neighbour) {
    LaneRosenbrock<DoubleWell> flow(system, 1e-6, 1e-8);
    for (Index lane = 0; lane < lanes; ++lane) {
      flow.y()[lane] = lane == 0 ? 0.3 : neighbour;
      flow.restart(lane, 1e-2);
    }
    for (int step = 0; step < 50; ++step) {
      flow.evaluate();
      flow.advance();
    }
    return flow.y()[0];
  };
  EXPECT_EQ(run(-0.2), run(1e3));
  EXPECT_EQ(run(-0.2), run(std::numeric_limits<double>::quiet_NaN()));
}

TEST(LaneRosenbrock, RefusesStepsPastTheTimeInWhichNeighboursPart) {
  DoubleWell system;
  LaneRosenbrock<DoubleWell> flow(system, 1, 1);  // tolerances that would let anything pass
  for (Index lane = 0; lane < lanes; ++lane) {
    flow.y()[lane] = 1e-3;
    flow.restart(lane, 1e3);
  }
  flow.evaluate();
  flow.advance();
  EXPECT_EQ(flow.time(0), 0);
  EXPECT_LT(flow.step(0), 1e3);
  EXPECT_EQ(flow.y()[0], 1e-3);
}

TEST(LaneRosenbrock, SeesALostGradient) {
  DoubleWell system;
  LaneRosenbrock<DoubleWell> flow(system, 1e-6, 1e-8);
  for (Index lane = 0; lane < lanes; ++lane) flow.y()[lane] = lane == 0 ? std::nan("") : 0.5;
  flow.evaluate();
  alignas(64) double most[32];
  flow.largest_gradient(most);
  EXPECT_TRUE(std::isnan(most[0]));
  EXPECT_NEAR(most[lanes - 1], 0.375, 1e-15);
}

}  // namespace
}  // namespace starling::flows
