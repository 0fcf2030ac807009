#include "starling/systems/students/kernel.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/students/landscape.h"

namespace starling::students {
namespace {

double value_of(Activation activation, double h) {
  const double phi = std::erfc(-h / std::numbers::sqrt2) / 2;
  switch (activation) {
    case Activation::erf:
      return std::erf(h / std::numbers::sqrt2);
    case Activation::relu:
      return std::max(h, 0.0);
    case Activation::phi:
      return phi;
    case Activation::gelu:
      return h * phi;
    case Activation::linear:
      return h;
    case Activation::quadratic:
      return h * h;
    case Activation::he2:
      return h * h - 1;
    case Activation::cubic:
      return h * h * h;
    case Activation::sin:
      return std::sin(h);
    case Activation::cos:
      return std::cos(h);
    case Activation::exp:
      break;
  }
  return std::exp(h);
}

// E[σ(r1 X) σ(r2 (ρX + √(1-ρ²) Y))] by the trapezoidal rule, which converges faster than any power for smooth
// σ: the plain twin of the closed forms.
double by_quadrature(Activation activation, const Overlap& o) {
  constexpr double reach = 14, step = 0.05;
  const double r1 = std::sqrt(o.q1), along = o.c / r1, across = std::sqrt(o.gram) / r1;
  const int count = static_cast<int>(reach / step);
  double sum = 0;
  for (int i = -count; i <= count; ++i) {
    const double x = i * step, first = value_of(activation, r1 * x) * std::exp(-x * x / 2);
    double inner = 0;
    for (int j = -count; j <= count; ++j) {
      const double y = j * step;
      inner += value_of(activation, along * x + across * y) * std::exp(-y * y / 2);
    }
    sum += first * inner;
  }
  return sum * step * step / (2 * std::numbers::pi);
}

const std::array overlaps = {overlap(0.7, 0.3, 1.1), overlap(1.9, -0.8, 0.5), overlap(0.2, 0.05, 2.2),
                             overlap(1, 0, 1), overlap(1.3, 1.2, 1.4)};

class EveryActivation : public testing::TestWithParam<std::string> {
 protected:
  Activation activation() const { return parse_activation(GetParam()); }
  Kernel at(double q1, double c, double q2) const { return kernel(activation(), overlap(q1, c, q2)); }
};

TEST_P(EveryActivation, HasTheKernelThatQuadratureFinds) {
  // The kink of ReLU leaves the trapezoidal rule an error of order step².
  const double tolerance = activation() == Activation::relu ? 2e-3 : 1e-12;
  for (const Overlap& o : overlaps) {
    const double expected = by_quadrature(activation(), o);
    EXPECT_NEAR(kernel(activation(), o).value, expected, tolerance * (1 + std::abs(expected)));
  }
}

// Fourth order.
double slope(const std::function<double(double)>& f) {
  constexpr double h = 1e-3;
  return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
}

TEST_P(EveryActivation, HasTheFirstPartialsOfItsKernel) {
  for (const Overlap& o : overlaps) {
    const Kernel k = kernel(activation(), o);
    const double scale = 1e-9 * (1 + std::abs(k.value) + std::abs(k.dc));
    EXPECT_NEAR(k.d1, slope([&](double h) { return at(o.q1 + h, o.c, o.q2).value; }), scale);
    EXPECT_NEAR(k.dc, slope([&](double h) { return at(o.q1, o.c + h, o.q2).value; }), scale);
    EXPECT_NEAR(k.d2, slope([&](double h) { return at(o.q1, o.c, o.q2 + h).value; }), scale);
  }
}

TEST_P(EveryActivation, HasTheSecondPartialsOfItsKernel) {
  for (const Overlap& o : overlaps) {
    const Kernel k = kernel(activation(), o);
    const double scale = 1e-8 * (1 + std::abs(k.value) + std::abs(k.dcc));
    const auto along_1 = [&](double h) { return at(o.q1 + h, o.c, o.q2); };
    const auto along_c = [&](double h) { return at(o.q1, o.c + h, o.q2); };
    const auto along_2 = [&](double h) { return at(o.q1, o.c, o.q2 + h); };
    EXPECT_NEAR(k.d11, slope([&](double h) { return along_1(h).d1; }), scale);
    EXPECT_NEAR(k.d12, slope([&](double h) { return along_2(h).d1; }), scale);
    EXPECT_NEAR(k.d22, slope([&](double h) { return along_2(h).d2; }), scale);
    EXPECT_NEAR(k.d1c, slope([&](double h) { return along_c(h).d1; }), scale);
    EXPECT_NEAR(k.d2c, slope([&](double h) { return along_c(h).d2; }), scale);
    EXPECT_NEAR(k.dcc, slope([&](double h) { return along_c(h).dc; }), scale);
  }
}

TEST_P(EveryActivation, ObeysPricesTheorem) {
  for (const Overlap& o : overlaps) {
    const Kernel k = kernel(activation(), o);
    EXPECT_NEAR(k.d12, k.dcc / 4, 1e-13 * (1 + std::abs(k.dcc)));
  }
}

TEST_P(EveryActivation, TreatsBothNeuronsAlike) {
  for (const Overlap& o : overlaps) {
    const Kernel k = at(o.q1, o.c, o.q2), swapped = at(o.q2, o.c, o.q1);
    const double scale = 1e-13 * (1 + std::abs(k.value));
    EXPECT_NEAR(k.value, swapped.value, scale);
    EXPECT_NEAR(k.d1, swapped.d2, scale);
    EXPECT_NEAR(k.d11, swapped.d22, scale);
    EXPECT_NEAR(k.d1c, swapped.d2c, scale);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernel, EveryActivation,
                         testing::ValuesIn(activation_names().begin(), activation_names().end()),
                         [](const auto& tested) { return tested.param; });

TEST(Kernel, OfAReluNeuronWithItselfIsHalfItsSquare) {
  const Kernel k = kernel(Activation::relu, self_overlap(1.7));
  EXPECT_DOUBLE_EQ(k.value, 0.85);
  EXPECT_DOUBLE_EQ(k.dc, 0.5);
  EXPECT_EQ(k.d1, 0);
  EXPECT_EQ(k.dcc, 0);
}

TEST(Kernel, KeepsItsAngleWhereTheDifferenceOfProductsLosesIt) {
  const Eigen::RowVector2d w(1, 0), v(1, 1e-9);
  EXPECT_NEAR(overlap(w, v).gram / 1e-18, 1, 1e-12);
  EXPECT_NEAR(overlap(v, w).gram / 1e-18, 1, 1e-12);
}

TEST(Kernel, OfSineDoesNotOverflowForLongWeights) {
  EXPECT_NEAR(kernel(Activation::sin, self_overlap(1e6)).value, 0.5, 1e-15);
  EXPECT_NEAR(kernel(Activation::cos, self_overlap(1e6)).value, 0.5, 1e-15);
}

TEST(Kernel, AnUnknownActivationIsAnsweredWithTheNearestName) {
  try {
    parse_activation("rleu");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "activation: unknown name 'rleu'; did you mean 'relu'?");
    EXPECT_EQ(error.kind(), base::ErrorKind::usage);
  }
}

}  // namespace
}  // namespace starling::students
