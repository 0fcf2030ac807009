#include "starling/systems/pinn/weak_form.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "nets/formula_net.h"
#include "starling/base/error.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solver.h"
#include "starling/systems/pinn/weak_residual.h"
#include "study/scratch.h"

namespace starling::pinn {
namespace {

using study::testing::error_of;

// Both are the same number for a smooth network: by parts, and the residual under the tests.
void expect_same_as_under_the_tests(const std::string& equation) {
  System system = parse_system(equation);
  const auto axes = static_cast<std::ptrdiff_t>(system.axes.size());
  const nets::JetNetwork network{{axes, 8, 8, 1}};
  const std::vector<double> parameters = nets::testing::formula_parameters(network);
  const WeakForm moved = weak_form(system, Equation(system.equations[0]));
  const int zero = system.graph.constant(0);
  const WeakForm plain{.x = zero, .y = axes == 2 ? zero : -1, .source = system.equations[0].residual};
  WeakMesh mesh{.edges = {{-1, 0.2, 1}}, .tests = 3, .quadrature = 24};
  if (axes == 2) mesh.edges.push_back({0, 0.5});
  WeakResidual by_parts(system, moved, network, mesh), under(system, plain, network, mesh);
  std::vector<double> left(static_cast<std::size_t>(by_parts.count())), right(left.size());
  by_parts.values(parameters, left);
  under.values(parameters, right);
  EXPECT_FALSE(system.graph.is_constant(moved.x, 0) && (axes == 1 || system.graph.is_constant(moved.y, 0)))
      << equation;
  for (std::size_t i = 0; i < left.size(); ++i)
    EXPECT_NEAR(left[i], right[i], 1e-12 * (1 + std::abs(right[i]))) << equation << " " << i;
}

TEST(WeakForm, EqualsTheResidualUnderTheTests) {
  expect_same_as_under_the_tests("-u_xx = pi^2*sin(pi*x); domain x = -1..1");
  expect_same_as_under_the_tests("-(1 + x^2)*u_xx + u*u_x + sin(u) = x; domain x = -1..1");
  expect_same_as_under_the_tests("u_xxxx/(2 + x) - 3*u_xxx = 1; domain x = -1..1");
  expect_same_as_under_the_tests("(1 + u^2)*u_xx = u; domain x = -1..1");
  expect_same_as_under_the_tests("-laplacian(u) = 1 + x*y; domain x = -1..1, y = 0..0.5");
  expect_same_as_under_the_tests("biharmonic(u) + x*u_xy = y; domain x = -1..1, y = 0..0.5");
  expect_same_as_under_the_tests("u_t + u*u_x = 0.1*u_xx; domain x = -1..1, t = 0..0.5");
  expect_same_as_under_the_tests("u_tt = (1 + x)*u_xx - u_xt; domain x = -1..1, t = 0..0.5");
}

TEST(WeakForm, MovesOneOrderOfEveryHighDerivativeToTheTests) {
  System system = parse_system("u_t = 2*u_xx + u*u_x; domain x = 0..1, t = 0..1");
  const WeakForm form = weak_form(system, Equation(system.equations[0]));
  EXPECT_EQ(system.graph.order(form.x), 1);
  EXPECT_TRUE(system.graph.is_constant(form.y, 0));
  EXPECT_EQ(system.graph.order(form.source), 1);
}

TEST(WeakForm, OfAnEquationThatIsNotLinearInHighDerivativesIsRefused) {
  const auto refused = [](const std::string& equation, const std::string& words) {
    System system = parse_system(equation);
    const std::string error = error_of([&] { weak_form(system, Equation(system.equations[0])); });
    EXPECT_TRUE(error.starts_with("2: points.form: ")) << error;
    EXPECT_NE(error.find(words), std::string::npos) << error;
  };
  refused("u_xx*u_xxx = 1; domain x = 0..1", "in a product with another one");
  refused("u_xx^2 = 1; domain x = 0..1",
          "the equation of line 1 has a derivative of order 2 or more in a power");
  refused("exp(u_xx) = 1; domain x = 0..1", "in a function");
  refused("u/u_xx = 1; domain x = 0..1", "in a divisor");
  refused("u_xx + u_yy + u_zz = 1; domain x = 0..1, y = 0..1, z = 0..1", "on 3 axes (x, y, z)");
}

TEST(WeakForm, AJacobianHasTheGradientOfHalfTheSquares) {
  System system = parse_system("u_t + u*u_x = 0.1*u_xx; domain x = -1..1, t = 0..1");
  const nets::JetNetwork network{{2, 6, 1}};
  const std::vector<double> parameters = nets::testing::formula_parameters(network);
  LossTerm term{.roots = equation_roots(system),
                .weight = 3,
                .weak = {weak_form(system, Equation(system.equations[0]))},
                .mesh = {.edges = {{-1, 0, 1}, {0, 1}}, .tests = 2, .quadrature = 15}};
  Loss loss(system, network, {term});
  const auto rows = static_cast<std::size_t>(loss.residual_count());
  EXPECT_EQ(rows, 8U);
  std::vector<double> residual(rows), again(rows), jacobian(rows * parameters.size()),
      gradient(parameters.size());
  const double value = loss.gradient(parameters, gradient);
  loss.jacobian(parameters, residual, jacobian);
  loss.stacked(parameters, again);
  EXPECT_EQ(residual, again);
  double squares = 0;
  for (const double r : residual) squares += r * r;
  EXPECT_NEAR(value, squares / 2, 1e-14);
  double diagonal = 0;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      sum += residual[i] * jacobian[p * rows + i];
      diagonal += jacobian[p * rows + i] * jacobian[p * rows + i] / 3;
    }
    EXPECT_NEAR(gradient[p], sum, 1e-13);
  }
  EXPECT_NEAR(loss.kernel_diagonal(0, parameters), diagonal, 1e-10 * diagonal);
}

SolveSpec weak_poisson(const std::string& equation) {
  SolveSpec spec;
  spec.problem.equation = equation;
  spec.width = 12;
  spec.layers = 2;
  spec.points.form = EquationForm::variational;
  return spec;
}

double error_after(const SolveSpec& spec, int steps) {
  const Problem problem(spec);
  Solver solver(spec, problem);
  for (int i = 0; i < steps && !solver.finished(); ++i) solver.step();
  return solution_errors(problem, solver.solution()).front().relative;
}

TEST(VariationalSolve, ReachesManyDigitsOfPoissonsEquationOnALine) {
  SolveSpec spec =
      weak_poisson("-u_xx = pi^2*sin(pi*x); domain x = -1..1; u(-1) = 0; u(1) = 0; exact u = sin(pi*x)");
  spec.points.elements = {2};
  EXPECT_LT(error_after(spec, 2000), 1e-6);
  spec.solver.method = SolveMethod::levenberg_marquardt;
  EXPECT_LT(error_after(spec, 60), 1e-3);
}

TEST(VariationalSolve, SolvesPoissonsEquationOnASquare) {
  SolveSpec spec = weak_poisson(
      "unknowns n; let u = x*(1 - x)*y*(1 - y)*n; -u_xx - u_yy = 2*pi^2*sin(pi*x)*sin(pi*y); domain x = "
      "0..1, "
      "y = 0..1; exact u = sin(pi*x)*sin(pi*y)");
  spec.points.tests = 6;
  EXPECT_LT(error_after(spec, 400), 1e-2);
}

TEST(VariationalSolve, RefusesARuleThatCannotSeeItsTests) {
  SolveSpec spec =
      weak_poisson("-u_xx = pi^2*sin(pi*x); domain x = -1..1; u(-1) = 0; u(1) = 0; exact u = sin(pi*x)");
  spec.points.tests = 5;
  spec.points.quadrature = 5;
  const Problem problem(spec);
  EXPECT_NE(error_of([&] {
              const Solver solver(spec, problem);
            }).find("quadrature: 5 points for 5 tests; expected at least 17"),
            std::string::npos);
  spec.points.quadrature = 0;
  spec.points.sampling = Sampling::adaptive;
  EXPECT_TRUE(
      error_of([&] { const Solver solver(spec, problem); }).starts_with("2: points.form: variational, but"));
  spec.points.sampling = Sampling::fixed;
  spec.points.elements = {2, 2};
  EXPECT_NE(error_of([&] { const Solver solver(spec, problem); }).find("2 numbers in points.elements"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::pinn
