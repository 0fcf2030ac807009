#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "starling/base/random.h"
#include "starling/systems/students/bivariate_normal.h"
#include "starling/systems/students/moments.h"

namespace starling::students {
namespace {

// E[f(h1) g(h1)] with g(h1) = E[σ(h2) | h1] in closed form and the kink of f at h1 = 0 on a node: Simpson's
// rule.
double by_conditioning(const std::function<double(double)>& f, const Overlap& o, double b1, double b2,
                       Activation second) {
  const double r1 = std::sqrt(o.q1), slope = o.c / o.q1, rest = o.gram / o.q1;
  const auto side = [&](double from, double to) {
    constexpr int panels = 20000;
    double sum = 0;
    for (int k = 0; k <= panels; ++k) {
      const double h1 = from + (to - from) * k / panels;
      const double weight = k == 0 || k == panels ? 1 : (k % 2 == 0 ? 2 : 4);
      sum += weight * f(h1) * mean_moments(second, rest, b2 + slope * (h1 - b1))[0] *
             normal_density(h1 - b1, o.q1);
    }
    return sum * (to - from) / panels / 3;
  };
  const double low = std::min(0.0, b1 - 10 * r1), high = std::max(0.0, b1 + 10 * r1);
  return side(low, 0) + side(0, high);
}

struct Case {
  Overlap pair;
  double b1, b2;
};
std::vector<Case> random_cases(int count) {
  base::Stream stream(4, 0, "test biased pairs");
  std::vector<Case> out;
  for (int i = 0; i < count; ++i) {
    const double q1 = 0.1 + 1.4 * stream.uniform(), q2 = 0.1 + 1.4 * stream.uniform();
    const double c = 0.95 * (2 * stream.uniform() - 1) * std::sqrt(q1 * q2);
    out.push_back({overlap(q1, c, q2), stream.normal(), stream.normal()});
  }
  return out;
}

TEST(BiasedMoments, StartFromTheAverageOfTheProduct) {
  const auto phi = [](double h) { return normal_distribution(h); };
  const std::pair<Activation, std::function<double(double)>> functions[] = {
      {Activation::erf, [](double h) { return std::erf(h / std::numbers::sqrt2); }},
      {Activation::phi, phi},
      {Activation::gelu, [&](double h) { return h * phi(h); }},
      {Activation::relu, [](double h) { return std::max(h, 0.0); }},
      {Activation::cubic, [](double h) { return h * h * h; }},
      {Activation::quadratic, [](double h) { return h * h; }},
      {Activation::he2, [](double h) { return h * h - 1; }},
      {Activation::sin, [](double h) { return std::sin(h); }},
      {Activation::cos, [](double h) { return std::cos(h); }},
      {Activation::exp, [](double h) { return std::exp(h); }}};
  for (const auto& [activation, f] : functions) {
    for (const auto& [pair, b1, b2] : random_cases(10)) {
      const double expected = by_conditioning(f, pair, b1, b2, activation);
      EXPECT_NEAR(biased_moments(activation, pair, b1, b2)(0, 0), expected, 1e-11 * (1 + std::abs(expected)))
          << static_cast<int>(activation) << " at " << pair.q1 << ' ' << pair.c << ' ' << pair.q2 << " with "
          << b1 << ' ' << b2;
    }
  }
}

// M(i + 1, j) = ∂M(i, j)/∂b1 and M(i, j + 1) = ∂M(i, j)/∂b2, by fourth-order differences.
TEST(BiasedMoments, AreEachOthersDerivativesInTheBiases) {
  constexpr double h = 1e-3;
  for (const std::string& name : activation_names()) {
    const Activation activation = parse_activation(name);
    for (const Case& drawn : random_cases(6)) {
      const auto& [pair, b1, b2] = drawn;
      const auto slope = [&](double s1, double s2) -> Moments {
        const auto at = [&](double t) {
          return biased_moments(activation, drawn.pair, drawn.b1 + t * s1, drawn.b2 + t * s2);
        };
        return (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h);
      };
      const Moments m = biased_moments(activation, pair, b1, b2), first = slope(1, 0), second = slope(0, 1);
      for (int i = 0; i <= 4; ++i) {
        for (int j = 0; i + j <= 3; ++j) {
          EXPECT_NEAR(m(i + 1, j), first(i, j), 3e-9 * (1 + std::abs(m(i + 1, j)))) << name << i << j;
          EXPECT_NEAR(m(i, j + 1), second(i, j), 3e-9 * (1 + std::abs(m(i, j + 1)))) << name << i << j;
        }
      }
    }
  }
}

TEST(BiasedMoments, WithoutBiasesAreTheKernel) {
  for (const std::string& name : activation_names()) {
    const Activation activation = parse_activation(name);
    for (const auto& [pair, b1, b2] : random_cases(6)) {
      const Kernel plain = kernel(activation, pair),
                   biased = kernel_from(biased_moments(activation, pair, 0, 0));
      for (double Kernel::*of : {&Kernel::value, &Kernel::d1, &Kernel::dc, &Kernel::d2, &Kernel::d11,
                                 &Kernel::d12, &Kernel::d22, &Kernel::d1c, &Kernel::d2c, &Kernel::dcc})
        EXPECT_NEAR(biased.*of, plain.*of, 3e-12 * (1 + std::abs(plain.*of))) << name;
    }
  }
}

TEST(BivariateNormal, IsExactWhereItIsKnown) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_NEAR(bivariate_normal(0, 0, 0.5, std::sqrt(0.75)), 1.0 / 3, 1e-15);
  EXPECT_NEAR(bivariate_normal(1, 1, 1, 0), normal_distribution(1), 1e-15);
  EXPECT_NEAR(bivariate_normal(0.3, -1, 1, 0), normal_distribution(-1), 1e-15);
  EXPECT_NEAR(bivariate_normal(1, -1, -1, 0), 0, 1e-15);
  EXPECT_NEAR(bivariate_normal(2, 1, -1, 0), normal_distribution(2) - normal_distribution(-1), 1e-15);
  EXPECT_NEAR(bivariate_normal(0.7, -0.4, 0, 1), normal_distribution(0.7) * normal_distribution(-0.4), 1e-15);
  EXPECT_NEAR(bivariate_normal(0, -0.4, 0, 1), 0.5 * normal_distribution(-0.4), 1e-15);
  EXPECT_NEAR(bivariate_normal(40, 0.2, 0.3, std::sqrt(0.91)), normal_distribution(0.2), 1e-15);
  EXPECT_FALSE(std::isnan(bivariate_normal(1e300, -1e300, 0.3, std::sqrt(0.91))));
  EXPECT_GT(infinity, bivariate_normal(0, 1e-320, 0.3, std::sqrt(0.91)));
}

// As |ρ| -> 1 the moments to second order go over into those of coincident or parallel hyperplanes.
TEST(BiasedMoments, OfReluAreContinuousWhereNeuronsBecomeParallel) {
  for (const double sign : {1.0, -1.0}) {
    for (const double b2 : {0.6 * sign, 0.1}) {
      const Overlap near{.q1 = 1, .c = 2 * sign * std::sqrt(1 - 4e-10), .q2 = 4, .gram = 1.6e-9};
      const Overlap at{.q1 = 1, .c = 2 * sign, .q2 = 4, .gram = 0};
      const Moments x = biased_moments(Activation::relu, near, 0.3, b2);
      const Moments y = biased_moments(Activation::relu, at, 0.3, b2);
      for (int i = 0; i <= 1; ++i) {
        for (int j = 0; j <= 1; ++j)
          EXPECT_NEAR(x(i, j), y(i, j), 1e-4) << sign << ' ' << b2 << ' ' << i << j;
      }
    }
  }
}

TEST(BiasedMoments, StayFiniteForWeightsOfAnySizeAndDirection) {
  for (const Activation activation : {Activation::erf, Activation::phi, Activation::gelu, Activation::relu}) {
    for (const double length : {0.0, 1e-12, 1.0, 1e6}) {
      for (const double rho : {-1.0, -0.5, 0.0, 1.0}) {
        for (const double bias : {-30.0, 0.0, 1e-9, 2.0}) {
          const double q = length * length;
          const Overlap pair{.q1 = q, .c = rho * length, .q2 = 1, .gram = q * (1 - rho * rho)};
          const Moments m = biased_moments(activation, pair, bias, 0.5);
          const Kernel k = kernel_from(m);
          EXPECT_TRUE(std::isfinite(k.value + k.d1 + k.dc + k.d2 + k.d12 + k.dcc + k.db + k.dcb + k.d2b))
              << static_cast<int>(activation) << ' ' << length << ' ' << rho << ' ' << bias;
        }
      }
    }
  }
}

}  // namespace
}  // namespace starling::students
