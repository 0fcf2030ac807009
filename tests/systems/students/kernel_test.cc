#include "starling/systems/students/kernel.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>
#include <vector>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::students {
namespace {

double sigma(Activation activation, double h) {
  const double phi = 0.5 * std::erfc(-h / std::numbers::sqrt2);
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
      return std::exp(h);
    case Activation::tanh:
      return std::tanh(h);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-h));
    case Activation::softplus:
      return std::log1p(std::exp(h));
    case Activation::silu:
      return h / (1 + std::exp(-h));
  }
  return 0;
}

// Gauss-Hermite nodes and weights of the standard normal (Golub and Welsch).
struct Rule {
  Eigen::VectorXd node, weight;
};
Rule gauss_hermite(int n) {
  Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(n, n);
  for (int i = 1; i < n; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(static_cast<double>(i));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(jacobi);
  return {solver.eigenvalues(), solver.eigenvectors().row(0).array().square().matrix().transpose()};
}

double by_quadrature(Activation activation, double q1, double c, double q2) {
  static const Rule rule = gauss_hermite(120);
  const double r1 = std::sqrt(q1), r2 = std::sqrt(q2), rho = c / (r1 * r2), rest = std::sqrt(1 - rho * rho);
  double total = 0;
  for (Eigen::Index i = 0; i < rule.node.size(); ++i) {
    for (Eigen::Index j = 0; j < rule.node.size(); ++j) {
      total += rule.weight(i) * rule.weight(j) * sigma(activation, r1 * rule.node(i)) *
               sigma(activation, r2 * (rho * rule.node(i) + rest * rule.node(j)));
    }
  }
  return total;
}

// ReLU has a kink; in polar coordinates the radius integrates to 2 and the angle stays: (r1 r2 / π) ∫ over a
// turn.
double relu_by_angle(double q1, double c, double q2) {
  const double theta = std::acos(c / std::sqrt(q1 * q2));
  constexpr int nodes = 200000;
  double total = 0;
  for (int i = 0; i < nodes; ++i) {
    const double angle = 2 * std::numbers::pi * (i + 0.5) / nodes;
    total += std::max(0.0, std::cos(angle)) * std::max(0.0, std::cos(angle - theta));
  }
  return std::sqrt(q1 * q2) / std::numbers::pi * total * 2 * std::numbers::pi / nodes;
}

constexpr Activation every_activation[] = {
    Activation::erf,       Activation::relu, Activation::phi,     Activation::gelu,     Activation::linear,
    Activation::quadratic, Activation::he2,  Activation::cubic,   Activation::sin,      Activation::cos,
    Activation::exp,       Activation::tanh, Activation::sigmoid, Activation::softplus, Activation::silu};

struct Numbers {
  double q1, c, q2;
};
std::vector<Numbers> random_numbers(int count) {
  base::Stream stream(1, 0, "test overlaps");
  std::vector<Numbers> out;
  for (int i = 0; i < count; ++i) {
    const double q1 = 0.1 + 1.4 * stream.uniform(), q2 = 0.1 + 1.4 * stream.uniform();
    out.push_back({q1, 0.9 * (2 * stream.uniform() - 1) * std::sqrt(q1 * q2), q2});
  }
  return out;
}

TEST(Kernel, IsTheGaussianAverageOfTheProduct) {
  for (const Activation activation : every_activation) {
    for (const auto& [q1, c, q2] : random_numbers(6)) {
      const double expected =
          activation == Activation::relu ? relu_by_angle(q1, c, q2) : by_quadrature(activation, q1, c, q2);
      ASSERT_NEAR(kernel(activation, overlap(q1, c, q2)).value, expected, 1e-9 * (1 + std::abs(expected)))
          << "activation " << static_cast<int>(activation) << " at " << q1 << ' ' << c << ' ' << q2;
    }
  }
}

TEST(Kernel, HasThePartialDerivativesThatCentralDifferencesGive) {
  constexpr double h = 1e-5;
  for (const Activation activation : every_activation) {
    for (const Numbers& drawn : random_numbers(20)) {
      const auto& [q1, c, q2] = drawn;
      const Kernel k = kernel(activation, overlap(q1, c, q2));
      const auto slope = [&](double Kernel::*of, double s1, double sc, double s2) {
        const Kernel above =
                         kernel(activation, overlap(drawn.q1 + h * s1, drawn.c + h * sc, drawn.q2 + h * s2)),
                     below =
                         kernel(activation, overlap(drawn.q1 - h * s1, drawn.c - h * sc, drawn.q2 - h * s2));
        return (above.*of - below.*of) / (2 * h);
      };
      const auto expect = [&](double value, double difference) {
        EXPECT_NEAR(value, difference, 2e-6 * (1 + std::abs(difference))) << static_cast<int>(activation);
      };
      expect(k.d1, slope(&Kernel::value, 1, 0, 0));
      expect(k.dc, slope(&Kernel::value, 0, 1, 0));
      expect(k.d2, slope(&Kernel::value, 0, 0, 1));
      expect(k.d11, slope(&Kernel::d1, 1, 0, 0));
      expect(k.d1c, slope(&Kernel::d1, 0, 1, 0));
      expect(k.d12, slope(&Kernel::d1, 0, 0, 1));
      expect(k.dcc, slope(&Kernel::dc, 0, 1, 0));
      expect(k.d2c, slope(&Kernel::d2, 0, 1, 0));
      expect(k.d22, slope(&Kernel::d2, 0, 0, 1));
    }
  }
}

TEST(Kernel, ObeysPricesTheorem) {
  for (const Activation activation : every_activation) {
    for (const Numbers& drawn : random_numbers(20)) {
      const auto& [q1, c, q2] = drawn;
      const Kernel k = kernel(activation, overlap(q1, c, q2));
      EXPECT_NEAR(k.d12, k.dcc / 4, 1e-13 * (1 + std::abs(k.dcc))) << static_cast<int>(activation);
    }
  }
}

TEST(Kernel, KeepsItsDigitsWhereNeuronsAreNearlyParallel) {
  Eigen::RowVectorXd w(3), v(3);
  w << 1, 2, 2;
  v << 1, 2, 2 + 1e-9;
  // |w x v| = 1e-9 sqrt(1 + 4), from the two components orthogonal to the difference.
  EXPECT_NEAR(overlap(w, v).gram / 5e-18, 1, 1e-6);
  EXPECT_EQ(self_overlap(9).gram, 0);
}

TEST(ParseActivation, NamesTheNearest) {
  EXPECT_EQ(parse_activation("gelu"), Activation::gelu);
  try {
    parse_activation("rleu");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("relu"), std::string::npos) << error.what();
  }
}

TEST(Kernel, OfSineDoesNotOverflowForLongWeights) {
  EXPECT_NEAR(kernel(Activation::sin, self_overlap(1e6)).value, 0.5, 1e-15);
  EXPECT_NEAR(kernel(Activation::cos, self_overlap(1e6)).value, 0.5, 1e-15);
}

}  // namespace
}  // namespace starling::students
