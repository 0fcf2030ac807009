#include "starling/flows/ode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "starling/base/error.h"

namespace starling::flows {
namespace {

const Rhs oscillator = [](double, std::span<const double> y, std::span<double> rate) {
  rate[0] = y[1];
  rate[1] = -y[0];
};
const Rhs decay = [](double, std::span<const double> y, std::span<double> rate) { rate[0] = -y[0]; };

// The kind and the message of the Error that `call` throws.
template <class Call>
std::pair<base::ErrorKind, std::string> failure(const Call& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return {error.kind(), error.what()};
  }
  return {base::ErrorKind::interrupted, "no error"};
}

TEST(Integrate, FollowsTheHarmonicOscillatorToElevenDigits) {
  const std::vector<double> y0 = {1, 0}, times = {0, 0.3, 1, 5, 10};
  const auto states = integrate(oscillator, y0, times, {.rtol = 1e-13, .atol = 1e-14});
  ASSERT_EQ(states.size(), times.size());
  EXPECT_EQ(states[0], y0);
  for (std::size_t k = 0; k < times.size(); ++k) {
    EXPECT_NEAR(states[k][0], std::cos(times[k]), 1e-11);
    EXPECT_NEAR(states[k][1], -std::sin(times[k]), 1e-11);
  }
}

TEST(Integrate, PassesTheTimeToTheRightHandSide) {
  const std::vector<double> y0 = {1}, times = {2};
  const auto states =
      integrate([](double t, std::span<const double> y, std::span<double> rate) { rate[0] = -t * y[0]; }, y0,
                times, {.rtol = 1e-12, .atol = 1e-14});
  EXPECT_NEAR(states[0][0], std::exp(-2.0), 1e-11);
}

TEST(Integrate, ErrsLessWithATighterTolerance) {
  const std::vector<double> y0 = {1}, times = {3};
  const auto error = [&](double rtol) {
    return std::abs(integrate(decay, y0, times, {.rtol = rtol, .atol = 1e-15})[0][0] - std::exp(-3.0));
  };
  EXPECT_LT(error(1e-6), 1e-5);
  EXPECT_LT(error(1e-12), 1e-11);
}

TEST(Integrate, ReturnsTheStateTwiceForATimeAskedTwice) {
  const std::vector<double> y0 = {1}, times = {0.5, 0.5};
  const auto states = integrate(decay, y0, times);
  EXPECT_EQ(states[0], states[1]);
}

TEST(Integrate, ReportsABlowUpSoonWithTheTimeItReached) {
  const std::vector<double> y0 = {1}, times = {2};  // y = 1 / (1 - t)
  std::int64_t calls = 0;
  const auto [kind, message] = failure([&] {
    integrate(
        [&](double, std::span<const double> y, std::span<double> rate) {
          ++calls;
          rate[0] = y[0] * y[0];
        },
        y0, times);
  });
  EXPECT_EQ(kind, base::ErrorKind::numerical);
  EXPECT_NE(message.find("gave up at t = 0.99"), std::string::npos) << message;
  EXPECT_NE(message.find("the rates beyond are not finite"), std::string::npos) << message;
  EXPECT_LT(calls, 200'000);  // it took millions while infinite rates only shortened the steps
}

TEST(Integrate, ReportsRatesThatAreNotFiniteFromTheStartAtOnce) {
  const std::vector<double> y0 = {1}, times = {2};
  int calls = 0;
  const auto [kind, message] = failure([&] {
    integrate(
        [&](double, std::span<const double>, std::span<double> rate) {
          ++calls;
          rate[0] = std::nan("");
        },
        y0, times);
  });
  EXPECT_EQ(kind, base::ErrorKind::numerical);
  EXPECT_EQ(
      message,
      "ODE solver gave up at t = 0 on the way to 2: the rates beyond are not finite; loosen rtol or shorten "
      "the times");
  EXPECT_LE(calls, 10);
}

TEST(Integrate, TakesASmallerStepWhereATrialLeavesTheDomainOfTheField) {
  const std::vector<double> y0 = {1}, times = {0.19};  // sqrt(y) = 1 - 5 t; a trial beyond 0.2 has no root
  const auto states = integrate(
      [](double, std::span<const double> y, std::span<double> rate) { rate[0] = -10 * std::sqrt(y[0]); }, y0,
      times);
  EXPECT_NEAR(states[0][0], 0.0025, 1e-9);
}

TEST(Integrate, SaysThatTheStepsWereNotEnough) {
  const std::vector<double> y0 = {1}, times = {1000};
  const auto [kind, message] = failure([&] { integrate(decay, y0, times, {.most_steps = 3}); });
  EXPECT_EQ(kind, base::ErrorKind::numerical);
  EXPECT_NE(message.find("3 steps were not enough"), std::string::npos) << message;
}

TEST(Integrate, HandsEveryExceptionOfTheRightHandSideToTheCaller) {
  const std::vector<double> y0 = {1}, times = {1};
  const Rhs broken = [](double, std::span<const double>, std::span<double>) { throw std::bad_alloc(); };
  EXPECT_THROW(integrate(broken, y0, times), std::bad_alloc);
}

TEST(Integrate, HandsAnErrorOfTheRightHandSideToTheCaller) {
  const std::vector<double> y0 = {1}, times = {1};
  const Rhs broken = [](double, std::span<const double>, std::span<double>) {
    throw base::Error(base::ErrorKind::input, "no field here");
  };
  const auto [kind, message] = failure([&] { integrate(broken, y0, times); });
  EXPECT_EQ(kind, base::ErrorKind::input);
  EXPECT_EQ(message, "no field here");
}

TEST(Integrate, RefusesDescendingTimesAndBadTolerances) {
  const std::vector<double> y0 = {1}, times = {1}, back = {1, 0.5}, early = {-1};
  EXPECT_EQ(failure([&] { integrate(decay, y0, back); }).second,
            "times: 0.5 after 1; expected finite times from 0 that do not descend");
  EXPECT_EQ(failure([&] { integrate(decay, y0, early); }).first, base::ErrorKind::usage);
  EXPECT_EQ(failure([&] { integrate(decay, y0, times, {.rtol = 0}); }).first, base::ErrorKind::usage);
  EXPECT_EQ(failure([&] { integrate(decay, y0, times, {.atol = -1}); }).first, base::ErrorKind::usage);
}

// A ball that falls and bounces without loss: y'' = -1 from rest at height 1/2 is back there at t = 2.
TEST(Integrate, StopsAtAnEventAndGoesOnFromWhatItLeaves) {
  int bounces = 0;
  const OdeEvent floor{[](std::span<const double> y) { return y[0]; },
                       [&](double t, std::span<double> y) {
                         EXPECT_NEAR(t, 1 + 2 * bounces++, 1e-9);
                         y[0] = 1e-300;  // just above the floor
                         y[1] = -y[1];
                       }};
  const Rhs fall = [](double, std::span<const double> y, std::span<double> rate) {
    rate[0] = y[1];
    rate[1] = -1;
  };
  const auto states = integrate(fall, std::vector<double>{0.5, 0}, std::vector<double>{0.5, 2, 4}, {}, floor);
  EXPECT_EQ(bounces, 2);
  EXPECT_NEAR(states[0][0], 0.375, 1e-12);
  EXPECT_NEAR(states[1][0], 0.5, 1e-9);
  EXPECT_NEAR(states[2][0], 0.5, 1e-9);
}

}  // namespace
}  // namespace starling::flows
