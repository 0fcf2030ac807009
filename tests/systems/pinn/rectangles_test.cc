#include "starling/systems/pinn/rectangles.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "nets/formula_net.h"
#include "starling/base/error.h"
#include "starling/math/legendre.h"
#include "systems/pinn/poisson.h"

namespace starling::pinn {
namespace {

// -Δu + u = f: both fluxes, the source, and the strong residual.
struct Screened {
  System system = parse_system("let f = 21*sin(pi*x)*sin(pi*y); u_x; u_y; u - f; -u_xx - u_yy + u - f");
  nets::JetNetwork network{{2, 8, 8, 1}};
  std::vector<double> parameters = nets::testing::formula_parameters(network);
  int root(std::size_t number) const { return system.equations[number].residual; }
  WeakForm form() const { return {root(0), root(1), root(2)}; }
  std::vector<double> values(const RectangleMesh& mesh) const {
    RectangleResidual residual(system, form(), network, mesh);
    std::vector<double> out(static_cast<std::size_t>(residual.count()));
    residual.values(parameters, out);
    return out;
  }
};

double test_function(int k, double x) {
  std::vector<double> p(static_cast<std::size_t>(k + 2));
  math::legendre_values(k + 1, x, p.data());
  return p[static_cast<std::size_t>(k + 1)] - p[static_cast<std::size_t>(k - 1)];
}

// ∫ r v_j v_k over an element by a rule of its own, one product after another.
double against_strong(const Screened& problem, const Rectangle& at, int j, int k) {
  constexpr int q = 50;
  const math::GaussRule rule = math::gauss_legendre(q);
  const double half_x = (at.high_x - at.low_x) / 2, half_y = (at.high_y - at.low_y) / 2;
  std::vector<double> points, r(q * q);
  for (const double x : rule.points) {
    for (const double y : rule.points)
      points.insert(points.end(), {at.low_x + half_x * (1 + x), at.low_y + half_y * (1 + y)});
  }
  Residual<double> strong(problem.system, {problem.root(3)}, problem.network);
  Residual<double>::Workspace workspace;
  strong.values(problem.parameters, points.data(), q * q, workspace, r.data());
  double sum = 0;
  for (std::size_t a = 0; a < q; ++a) {
    for (std::size_t b = 0; b < q; ++b) {
      sum += rule.weights[a] * rule.weights[b] * r[a * q + b] * test_function(j, rule.points[a]) *
             test_function(k, rule.points[b]);
    }
  }
  return half_x * half_y * sum;
}

TEST(Rectangles, AgreeWithTheStrongResidualAgainstTheTests) {
  const Screened problem;
  const RectangleMesh mesh{.elements = rectangles({-1, 0.25, 1}, {0, 0.5, 2}), .tests = 3};
  const auto found = problem.values(mesh);
  ASSERT_EQ(found.size(), 4U * 9U);
  for (std::size_t e = 0; e < 4; ++e) {
    for (int j = 1; j <= 3; ++j) {
      for (int k = 1; k <= 3; ++k) {
        const double expected = against_strong(problem, mesh.elements[e], j, k);
        EXPECT_NEAR(found[e * 9 + static_cast<std::size_t>(3 * (j - 1) + k - 1)], expected,
                    1e-13 * (1 + std::abs(expected)))
            << e << ' ' << j << ' ' << k;
      }
    }
  }
}

TEST(Rectangles, TheQuadratureHasSettled) {
  const Screened problem;
  const RectangleMesh mesh{.elements = rectangles({-1, 0, 1}, {-1, 0, 1}), .tests = 4};
  EXPECT_LT(quadrature_error(problem.system, problem.form(), problem.network, mesh, problem.parameters),
            1e-13);
  // A wave that the rule cannot see is reported.
  Screened fast;
  fast.system = parse_system("u_x; u_y; u + sin(150*x)*sin(150*y); u_xx");
  const RectangleMesh coarse{.elements = {{}}, .tests = 4, .quadrature = 16};
  EXPECT_GT(quadrature_error(fast.system, fast.form(), fast.network, coarse, fast.parameters), 1e-4);
}

TEST(Rectangles, AnExactSolutionHasNoResidual) {
  // A network without hidden layers is linear, and harmonic.
  System system = parse_system("u_x; u_y");
  const WeakForm form{system.equations[0].residual, system.equations[1].residual, system.graph.constant(0)};
  const nets::JetNetwork network{{2, 1}};
  RectangleResidual residual(system, form, network, {.elements = rectangles({0, 1, 3}, {0, 2}), .tests = 5});
  const std::vector<double> parameters{0.7, -1.1, 0.3};
  std::vector<double> out(static_cast<std::size_t>(residual.count()), 1.0);
  residual.values(parameters, out);
  for (const double r : out) EXPECT_NEAR(r, 0, 1e-14);
}

TEST(Rectangles, TheGradientIsThatOfDifferences) {
  const Screened problem;
  RectangleResidual residual(problem.system, problem.form(), problem.network,
                             {.elements = rectangles({-1, 0.1, 1}, {-1, 1}), .tests = 2});
  std::vector<double> gradient(problem.parameters.size());
  const double loss = residual.add_gradient(problem.parameters, 0.3, gradient);
  std::vector<double> values(static_cast<std::size_t>(residual.count()));
  residual.values(problem.parameters, values);
  double expected = 0;
  for (const double r : values) expected += 0.15 * r * r;
  EXPECT_NEAR(loss, expected, 1e-14 * expected);
  for (std::size_t p = 0; p < gradient.size(); p += 7) {
    const auto moved = [&](double step) {
      auto there = problem.parameters;
      there[p] += step;
      std::vector<double> unused(there.size());
      return residual.add_gradient(there, 0.3, unused);
    };
    constexpr double h = 1e-3;
    const double slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    EXPECT_NEAR(gradient[p], slope, 1e-9 * (1 + std::abs(slope)));
  }
}

// -Δu = 2 π² sin(πx) sin(πy) on an L, 0 on its boundary, which the unknown has built in.
TEST(Rectangles, TrainingAgainstTheTestsSolvesPoissonOnAnL) {
  System system = parse_system(
      "unknowns n; let u = x*y*(1 - x^2)*(1 - y^2)*n; let f = 2*pi^2*sin(pi*x)*sin(pi*y); u_x; u_y; u");
  const WeakForm form{system.equations[0].residual, system.equations[1].residual,
                      system.graph.unary(Op::negate, system.definitions[1].node)};
  const nets::JetNetwork network{{2, 16, 1}};
  const Box hole{.low = {0, -1}, .high = {1, 0}};
  RectangleResidual residual(system, form, network,
                             {.elements = rectangles({-1, 0, 1}, {-1, 0, 1}, {hole}), .tests = 6});
  auto x = testing::split_mix_parameters(network, 1);
  optim::QuasiNewton optimiser({.method = optim::QuasiNewtonMethod::ssbroyden2},
                               static_cast<base::Index>(x.size()));
  const auto function = [&](std::span<const double> at, std::span<double> slope) {
    std::fill(slope.begin(), slope.end(), 0.0);
    return residual.add_gradient(at, 1, slope);
  };
  optimiser.start(function, x);
  for (int step = 0; step < 400; ++step) optimiser.step(function, x);
  const Residual<double> solution(system, {system.equations[2].residual}, network);
  Residual<double>::Workspace workspace;
  double miss = 0, size = 0;
  for (int i = -20; i <= 20; ++i) {
    for (int j = -20; j <= 20; ++j) {
      const double at[] = {i / 20.0, j / 20.0};
      double u = 0;
      solution.values(x, at, 1, workspace, &u);
      const double exact = std::sin(std::numbers::pi * at[0]) * std::sin(std::numbers::pi * at[1]);
      if (i > 0 && j < 0) continue;
      miss += (u - exact) * (u - exact);
      size += exact * exact;
    }
  }
  RecordProperty("relative_error", fmt::format("{:.2e}", std::sqrt(miss / size)));
  EXPECT_LT(std::sqrt(miss / size), 1e-4);
}

TEST(Rectangles, AHoleLeavesItsElementsOut) {
  const Box hole{.low = {0, -1}, .high = {1, 0}};
  EXPECT_EQ(rectangles({-1, 0, 1}, {-1, 0, 1}, {hole}).size(), 3U);
  EXPECT_THROW(rectangles({-1, 0.5, 1}, {-1, 0, 1}, {hole}), base::Error);
  EXPECT_THROW(rectangles({1, 0}, {0, 1}), base::Error);
}

TEST(Rectangles, ARuleTooCoarseForItsTestsIsRefused) {
  const Screened problem;
  EXPECT_THROW(problem.values({.tests = 5, .quadrature = 16}), base::Error);
  EXPECT_NO_THROW(problem.values({.tests = 5, .quadrature = 17}));
  EXPECT_THROW(problem.values({.elements = {{0, 0, 0, 1}}}), base::Error);
  EXPECT_THROW(problem.values({.elements = {}}), base::Error);
}

}  // namespace
}  // namespace starling::pinn
