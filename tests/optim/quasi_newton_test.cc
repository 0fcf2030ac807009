#include "starling/optim/quasi_newton.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::optim {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

constexpr std::array all_methods{QuasiNewtonMethod::lbfgs, QuasiNewtonMethod::bfgs,
                                 QuasiNewtonMethod::ssbfgs_ab, QuasiNewtonMethod::ssbroyden2};

// Rosenbrock's valley in n variables.
double valley(std::span<const double> x, std::span<double> g) {
  std::fill(g.begin(), g.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    sum += 100 * a * a + b * b;
    g[i] += -400 * a * x[i] - 2 * b;
    g[i + 1] += 200 * a;
  }
  return sum;
}

std::vector<double> start_of(std::size_t n) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = i % 2 == 0 ? -1.2 : 1;
  return x;
}

TEST(WolfeSearch, FindsStepsThatSatisfyBothConditions) {
  const auto check = [](const auto& search, auto function, double first, WolfeSpec spec) {
    const Along start = function(0.0);
    const LineStep found = search(function, start, first, spec);
    ASSERT_GT(found.length, 0);
    EXPECT_LE(found.at.value, start.value + spec.sufficient * found.length * start.slope);
    EXPECT_LE(std::abs(found.at.slope), -spec.curvature * start.slope);
  };
  const auto bowl = [](double a) { return Along{(a - 3) * (a - 3), 2 * (a - 3)}; };
  const auto wave = [](double a) { return Along{-std::sin(a) + 0.01 * a * a, -std::cos(a) + 0.02 * a}; };
  const auto steep = [](double a) {
    return Along{std::exp(-5 * a) + a * a * 1e-3, -5 * std::exp(-5 * a) + 2e-3 * a};
  };
  for (const double first : {1e-3, 0.1, 1.0, 20.0}) {
    for (const WolfeSpec spec : {WolfeSpec{}, WolfeSpec{1e-4, 0.1}}) {
      check(more_thuente, bowl, first, spec);
      check(more_thuente, wave, first, spec);
      check(more_thuente, steep, first, spec);
    }
    check(bracket_search, bowl, first, {});
    check(bracket_search, wave, first, {});
  }
  EXPECT_EQ(wolfe_search([](double a) { return Along{a, 1}; }, {0, 1}, 1).length, 0);
}

TEST(QuasiNewton, EveryMethodReachesTheEndOfTheValley) {
  for (const QuasiNewtonMethod method : all_methods) {
    for (const std::size_t n : {2U, 10U, 33U}) {
      auto x = start_of(n);
      QuasiNewton optimiser({.method = method}, static_cast<base::Index>(n));
      optimiser.start(valley, x);
      for (int i = 0; i < 2000 && optimiser.step(valley, x) == QuasiNewtonEnd::none; ++i) {
      }
      EXPECT_LT(optimiser.gradient_norm(), 1e-5) << static_cast<int>(method) << " " << n;
    }
  }
}

// The updates as they are published, on matrices; steps along the same searches.
struct Reference {
  QuasiNewtonMethod method;
  Vector x, g;
  Matrix h;
  double f = 0, former = 0;
  bool first = true;

  Reference(QuasiNewtonMethod asked, const std::vector<double>& start)
      : method(asked),
        x(Vector::Map(start.data(), static_cast<Eigen::Index>(start.size()))),
        g(x.size()),
        h(Matrix::Identity(x.size(), x.size())) {
    f = evaluate(x, g);
    former = f + g.norm() / 2;
  }
  static double evaluate(const Vector& at, Vector& gradient) {
    return valley({at.data(), static_cast<std::size_t>(at.size())},
                  {gradient.data(), static_cast<std::size_t>(gradient.size())});
  }
  void step() {
    const Vector p = -h * g;
    Vector next = g;
    const auto phi = [&](double a) {
      const double value = evaluate(x + a * p, next);
      return Along{value, next.dot(p)};
    };
    double guess = std::min(1.0, 2.02 * (f - former) / g.dot(p));
    if (!(guess > 0)) guess = 1;
    const LineStep found = wolfe_search(phi, {f, g.dot(p)}, guess);
    phi(found.length);
    const Vector s = found.length * p, y = next - g;
    const double rho = 1 / y.dot(s), alpha = found.length;
    const Vector hy = h * y;
    const double yhy = y.dot(hy), b = -alpha * rho * s.dot(g), hh = rho * yhy;
    double tau = 1, parameter = 1;
    if (method == QuasiNewtonMethod::ssbfgs_ab) tau = std::min(1.0, 1 / b);
    if (method == QuasiNewtonMethod::ssbroyden2) {
      const double a = b * hh - 1, c = std::sqrt(std::abs(a) / (1 + a)), rm = std::min(1.0, hh * (1 - c));
      const double theta = std::max((rm - 1) / a, std::min(1 / rm, (1 - b) / b)), sigma = 1 + a * theta;
      const double sn = std::pow(std::abs(sigma), 1 / (1 - static_cast<double>(x.size()))),
                   rk = std::min(1.0, 1 / b);
      tau = first ? hh / sigma : theta <= 0 ? std::min(rk * sn, sigma) : rk * std::min(sn, 1 / theta);
      parameter = (1 - theta) / (1 + a * theta);
    }
    const Vector v = rho * s - hy / yhy;
    h = ((h - hy * hy.transpose() / yhy + parameter * yhy * v * v.transpose()) / tau +
         rho * s * s.transpose())
            .eval();
    first = false;
    x += s;
    former = f;
    f = found.at.value;
    g = next;
  }
};

TEST(QuasiNewton, StepsAreThoseOfThePublishedUpdates) {
  for (const QuasiNewtonMethod method :
       {QuasiNewtonMethod::bfgs, QuasiNewtonMethod::ssbfgs_ab, QuasiNewtonMethod::ssbroyden2}) {
    auto x = start_of(11);
    Reference reference(method, x);
    QuasiNewton optimiser({.method = method}, 11);
    optimiser.start(valley, x);
    for (int i = 0; i < 12; ++i) {
      ASSERT_EQ(optimiser.step(valley, x), QuasiNewtonEnd::none);
      reference.step();
      for (Eigen::Index k = 0; k < 11; ++k)
        EXPECT_NEAR(x[static_cast<std::size_t>(k)], reference.x[k], 1e-9)
            << static_cast<int>(method) << " " << i;
    }
  }
}

TEST(QuasiNewton, LbfgsWithRoomForAllPairsEndsAQuadraticAsBfgsDoes) {
  const auto bowl = [](std::span<const double> x, std::span<double> g) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double c = std::pow(10.0, static_cast<double>(i) / 4);
      g[i] = c * x[i];
      sum += c * x[i] * x[i] / 2;
    }
    return sum;
  };
  std::vector<double> x(20, 1.0);
  QuasiNewton optimiser({.method = QuasiNewtonMethod::lbfgs}, 20);
  optimiser.start(bowl, x);
  for (int i = 0; i < 200 && optimiser.step(bowl, x) == QuasiNewtonEnd::none; ++i) {
  }
  EXPECT_LT(optimiser.value(), 1e-20);
}

TEST(QuasiNewton, TheBytesDoNotDependOnTheNumberOfThreads) {
  const auto run = [](int threads) {
    const base::ThreadLimit limit(threads);
    auto x = start_of(101);
    QuasiNewton optimiser({}, 101);
    optimiser.start(valley, x);
    for (int i = 0; i < 50; ++i) optimiser.step(valley, x);
    return x;
  };
  EXPECT_EQ(run(1), run(4));
}

TEST(QuasiNewton, WhatItKnowsOutlivesAChangeOfTheFunction) {
  auto x = start_of(10);
  QuasiNewton optimiser({}, 10);
  optimiser.start(valley, x);
  for (int i = 0; i < 30; ++i) optimiser.step(valley, x);
  const auto other = [](std::span<const double> at, std::span<double> g) {
    const double value = 1.1 * valley(at, g);
    for (double& slope : g) slope *= 1.1;
    return value;
  };
  optimiser.start(other, x);
  int steps = 0;
  while (steps < 200 && optimiser.gradient_norm() > 1e-6 && optimiser.step(other, x) == QuasiNewtonEnd::none)
    ++steps;
  EXPECT_LT(optimiser.gradient_norm(), 1e-5);
}

TEST(QuasiNewton, EndsAreNamed) {
  std::vector<double> x(3, 1.0);
  QuasiNewton optimiser({}, 3);
  EXPECT_EQ(optimiser.start(
                [](auto, std::span<double> g) {
                  std::fill(g.begin(), g.end(), 0.0);
                  return std::nan("");
                },
                x),
            QuasiNewtonEnd::not_finite);
  EXPECT_EQ(optimiser.start(valley, x), QuasiNewtonEnd::none);
  EXPECT_EQ(optimiser.step(valley, x), QuasiNewtonEnd::stationary);
  EXPECT_THROW(QuasiNewton({}, 0), base::Error);
  EXPECT_THROW(QuasiNewton({}, 100000), base::Error);
  EXPECT_NO_THROW(QuasiNewton({.method = QuasiNewtonMethod::lbfgs, .memory = 2}, 100000));
}

}  // namespace
}  // namespace starling::optim
