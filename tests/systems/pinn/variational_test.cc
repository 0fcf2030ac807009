#include "starling/systems/pinn/variational.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "nets/formula_net.h"
#include "starling/base/error.h"
#include "starling/math/legendre.h"

namespace starling::pinn {
namespace {

// -u'' = π² sin(πx), and the roots that the tests need: the flux, the source, the strong residual.
struct Poisson {
  System system = parse_system("u_x = 0; u*0 - pi^2*sin(pi*x) + u_x; -u_xx - pi^2*sin(pi*x)");
  nets::JetNetwork network{{1, 8, 8, 1}};
  std::vector<double> parameters = nets::testing::formula_parameters(network);
  int flux() const { return system.equations[0].residual; }
  int source() {
    const int f = system.graph.binary(
        Op::multiply, system.graph.constant(-std::numbers::pi * std::numbers::pi),
        system.graph.unary(Op::sin, system.graph.binary(Op::multiply, system.graph.constant(std::numbers::pi),
                                                        system.graph.axis(0))));
    return f;
  }
  std::vector<double> values(const TestMesh& mesh) {
    const int from = source();
    VariationalResidual residual(system, flux(), from, network, mesh);
    std::vector<double> out(static_cast<std::size_t>(residual.count()));
    residual.values(parameters, out);
    return out;
  }
};

TEST(Legendre, AGaussRuleIntegratesPolynomialsExactly) {
  for (const int n : {1, 2, 5, 16, 61}) {
    const math::GaussRule rule = math::gauss_legendre(n);
    for (int power = 0; power < 2 * n; ++power) {
      double sum = 0;
      for (std::size_t i = 0; i < rule.points.size(); ++i)
        sum += rule.weights[i] * std::pow(rule.points[i], power);
      EXPECT_NEAR(sum, power % 2 == 0 ? 2.0 / (power + 1) : 0, 2e-15);
    }
  }
  EXPECT_THROW(math::gauss_legendre(0), base::Error);
}

TEST(Variational, TheFormulaNetworkHasItsKnownResiduals) {
  Poisson poisson;
  const double expected[] = {-0.00426601858638995, 9.54909553625014,  0.00110207279133631,
                             -3.66034836841282,    -2.40127718333e-4, 0.4155880364296};
  const auto values = poisson.values({.tests = 6, .quadrature = 60});
  for (std::size_t k = 0; k < 6; ++k)
    EXPECT_NEAR(values[k], expected[k], 2e-14 * (1 + std::abs(expected[k])));
}

TEST(Variational, AgreesWithTheStrongResidualAgainstTheTests) {
  Poisson poisson;
  const auto values = poisson.values({.tests = 6});
  const math::GaussRule rule = math::gauss_legendre(60);
  Residual<double> strong(poisson.system, {poisson.system.equations[2].residual}, poisson.network);
  Residual<double>::Workspace workspace;
  std::vector<double> r(60), p(8);
  strong.values(poisson.parameters, rule.points.data(), 60, workspace, r.data());
  for (int k = 1; k <= 6; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < 60; ++i) {
      math::legendre_values(7, rule.points[i], p.data());
      sum +=
          rule.weights[i] * r[i] * (p[static_cast<std::size_t>(k + 1)] - p[static_cast<std::size_t>(k - 1)]);
    }
    EXPECT_NEAR(values[static_cast<std::size_t>(k - 1)], sum, 1e-13 * (1 + std::abs(sum)));
  }
}

TEST(Variational, ARuleTooCoarseForItsTestsIsRefused) {
  Poisson poisson;
  EXPECT_THROW(poisson.values({.tests = 5, .quadrature = 5}), base::Error);
  EXPECT_THROW(poisson.values({.tests = 5, .quadrature = 16}), base::Error);
  EXPECT_NO_THROW(poisson.values({.tests = 5, .quadrature = 17}));
  EXPECT_THROW(poisson.values({.edges = {0, 0}}), base::Error);
  EXPECT_THROW(poisson.values({.tests = 0}), base::Error);
}

TEST(Variational, TheGradientOverElementsIsThatOfDifferences) {
  Poisson poisson;
  const int source = poisson.source();
  VariationalResidual residual(poisson.system, poisson.flux(), source, poisson.network,
                               {.edges = {-1, -0.2, 0.5, 1}, .tests = 4});
  std::vector<double> gradient(poisson.parameters.size());
  residual.add_gradient(poisson.parameters, 0.3, gradient);
  for (std::size_t p = 0; p < gradient.size(); p += 7) {
    const auto moved = [&](double step) {
      auto there = poisson.parameters;
      there[p] += step;
      std::vector<double> unused(there.size());
      return residual.add_gradient(there, 0.3, unused);
    };
    constexpr double h = 1e-3;
    const double slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    EXPECT_NEAR(gradient[p], slope, 1e-9 * (1 + std::abs(slope)));
  }
}

}  // namespace
}  // namespace starling::pinn
