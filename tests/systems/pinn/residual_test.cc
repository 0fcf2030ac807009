#include "starling/systems/pinn/residual.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numbers>

#include "nets/formula_net.h"
#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/systems/pinn/loss.h"

namespace starling::pinn {
namespace {

using nets::testing::formula_parameters;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> five_points() {
  std::vector<double> points;
  for (int k = 0; k < 5; ++k) points.insert(points.end(), {-0.8 + 0.4 * k, 0.1 + 0.2 * k});
  return points;
}

struct ResidualProblem {
  System system;
  nets::JetNetwork network;
  Residual<double> residual;
  std::vector<double> parameters;

  explicit ResidualProblem(const std::string& text, std::vector<std::ptrdiff_t> widths = {2, 8, 8, 1},
                           std::vector<std::string> axes = {"x", "t"})
      : system(parse_system(text, {.axes = std::move(axes)})),
        network{std::move(widths)},
        residual(system, equation_roots(system), network),
        parameters(formula_parameters(network)) {
    for (const Learned& coefficient : system.learned)
      parameters.push_back(coefficient.positive ? std::log(coefficient.initial) : coefficient.initial);
  }
  double loss(const std::vector<double>& at, const std::vector<double>& points,
              std::vector<double>* gradient = nullptr) {
    std::vector<double> own(at.size());
    Residual<double>::Workspace workspace;
    const auto n = static_cast<std::ptrdiff_t>(points.size()) / network.widths.front();
    const double value = residual.add_gradient(at, points.data(), n, nullptr, 1, workspace, own);
    if (gradient != nullptr) *gradient = own;
    return value;
  }
};

double norm(const std::vector<double>& v) {
  return Vector::Map(v.data(), static_cast<Eigen::Index>(v.size())).norm();
}

TEST(Residual, BurgersHasItsKnownLossAndGradient) {
  ResidualProblem burgers("param nu = 0.01/pi; u_t + u*u_x - nu*u_xx = 0");
  std::vector<double> gradient;
  EXPECT_NEAR(burgers.loss(burgers.parameters, five_points(), &gradient), 8.187417971940739e-4, 1e-17);
  EXPECT_NEAR(norm(gradient), 0.04211611077240819, 1e-15);
  EXPECT_NEAR(gradient[0], -2.79166674033472e-4, 1e-17);
}

TEST(Residual, AnEquationOfOrderFourHasItsKnownLossAndGradient) {
  ResidualProblem fourth("axes x, t; u*u_x + u_xx + u_xxxx = 0");
  std::vector<double> gradient;
  EXPECT_NEAR(fourth.loss(fourth.parameters, five_points(), &gradient), 2.7654023380584e-5, 1e-18);
  EXPECT_NEAR(norm(gradient), 3.10321826252473e-3, 1e-16);
  EXPECT_NEAR(gradient[0], -6.92839152278e-6, 1e-17);
}

TEST(Residual, GaussNewtonAndTangentKernelHaveTheirKnownSpectra) {
  ResidualProblem burgers("param nu = 0.01/pi; u_t + u*u_x - nu*u_xx = 0");
  const auto count = burgers.residual.parameter_count();
  Matrix jacobian(count, 5);
  Vector residual(5);
  Residual<double>::Workspace workspace;
  const auto points = five_points();
  burgers.residual.jacobian(burgers.parameters, points.data(), 5, nullptr, 1, workspace, residual.data(),
                            jacobian.data(), 5);
  const Matrix gauss_newton = jacobian * jacobian.transpose(), kernel = 5 * jacobian.transpose() * jacobian;
  EXPECT_NEAR(gauss_newton.trace(), 1.0915895240234, 1e-12);
  EXPECT_NEAR(Eigen::SelfAdjointEigenSolver<Matrix>(gauss_newton).eigenvalues().maxCoeff(), 1.08398145250723,
              1e-12);
  EXPECT_NEAR(kernel.trace(), 5.45794762011699, 1e-12);
  const Vector eigenvalues = Eigen::SelfAdjointEigenSolver<Matrix>(kernel).eigenvalues();
  const double expected[] = {4.86721e-7, 3.434458e-5, 7.1186186618e-3, 3.08869076136e-2, 5.41990726254};
  const double digits[] = {1e-12, 1e-11, 1e-12, 1e-12, 1e-11};
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(eigenvalues[i], expected[i], digits[i]);
  std::vector<double> gradient;
  EXPECT_NEAR(burgers.loss(burgers.parameters, points, &gradient), residual.squaredNorm() / 2, 1e-17);
  const Vector product = jacobian * residual;
  for (Eigen::Index p = 0; p < count; ++p)
    EXPECT_NEAR(product[p], gradient[static_cast<std::size_t>(p)], 1e-16);
}

std::vector<double> random_points(std::ptrdiff_t n, std::ptrdiff_t axes, std::uint64_t seed) {
  std::vector<double> points(static_cast<std::size_t>(n * axes));
  base::Stream stream(seed, 0, "points");
  for (double& value : points) value = 0.1 + 0.8 * stream.uniform();
  return points;
}

// The derivative along the gradient's own direction and along one more, by differences of fourth order.
void expect_exact_gradient(ResidualProblem& problem, const std::vector<double>& points,
                           const std::string& text) {
  std::vector<double> gradient;
  const double loss = problem.loss(problem.parameters, points, &gradient);
  ASSERT_TRUE(std::isfinite(loss)) << text;
  const double length = norm(gradient);
  for (int trial = 0; trial < 2; ++trial) {
    std::vector<double> direction = gradient;
    base::Stream stream(5, 0, "direction");
    for (double& d : direction)
      d = trial == 0 ? d / (length + 1e-30)
                     : stream.normal() / std::sqrt(static_cast<double>(gradient.size()));
    double slope = 0;
    for (std::size_t p = 0; p < direction.size(); ++p) slope += gradient[p] * direction[p];
    const auto moved = [&](double step) {
      auto there = problem.parameters;
      for (std::size_t p = 0; p < there.size(); ++p) there[p] += step * direction[p];
      return problem.loss(there, points);
    };
    double best = 1e300;  // the step that suits the curvature is not known beforehand
    for (const double h : {1e-2, 3e-3, 1e-3, 3e-4}) {
      const double sixth =
          (45 * (moved(h) - moved(-h)) - 9 * (moved(2 * h) - moved(-2 * h)) + moved(3 * h) - moved(-3 * h)) /
          (60 * h);
      best = std::min(best, std::abs(sixth - slope));
    }
    EXPECT_LT(best, 1e-9 * (length + loss)) << text;
  }
}

std::string random_equation(base::Stream& stream, int depth) {
  static const std::vector<std::string> leaves{"u",      "u_x", "u_t", "u_xx",   "u_xt",        "u_xxt",
                                               "u_xxxx", "v",   "v_t", "v_xxtt", "v_ttt",       "x",
                                               "t",      "0.7", "k",   "c",      "laplacian(u)"};
  if (depth == 0) return leaves[stream.below(leaves.size())];
  const std::string a = random_equation(stream, depth - 1), b = random_equation(stream, depth - 1);
  switch (stream.below(12)) {
    case 0:
      return "(" + a + " + " + b + ")";
    case 1:
      return "(" + a + " - " + b + ")";
    case 2:
      return "(" + a + ")*(" + b + ")";
    case 3:
      return "(" + a + ")/(2 + sin(" + b + "))";
    case 4:
      return "(" + a + ")^2";
    case 5:
      return "sin(" + a + ")";
    case 6:
      return "exp(-(" + a + ")^2)";
    case 7:
      return "tanh(" + a + ")*(" + b + ")";
    case 8:
      return "sqrt(1 + (" + a + ")^2)";
    case 9:
      return "cos(" + a + ") - atan(" + b + ")*erf(" + a + ")";
    case 10:
      return "log(2 + cos(" + a + "))";
    default:
      return "(1.5 + tanh(" + a + "))^(" + (stream.below(2) == 0 ? "1.7" : "k") + ")";
  }
}

TEST(Residual, TheGradientOfRandomEquationsIsThatOfDifferences) {
  base::Stream stream(11, 0, "equations");
  for (int round = 0; round < 60; ++round) {
    std::string text = "unknowns u, v; axes x, t; learn k init 0.6 positive; learn c init -0.4\n";
    for (int e = 0; e < 2; ++e) text += "u + " + random_equation(stream, 3) + "\n";
    ResidualProblem problem(text, {2, 6, 5, 2});
    expect_exact_gradient(problem, random_points(9, 2, static_cast<std::uint64_t>(round)), text);
  }
}

TEST(Residual, ADefinitionIsDifferentiatedByTheProductRule) {
  ResidualProblem soft("axes x, t; u_xx + u_xt*u = sin(x)");
  ResidualProblem hard("unknowns n; axes x, t; let u = x*(1 - x)*exp(t)*n; u_xx + u_xt*u = sin(x)");
  ResidualProblem written(
      "unknowns n; axes x, t; let f = x*(1 - x)*exp(t); let g = (1 - 2*x)*exp(t)\n"
      "-2*exp(t)*n + 2*g*n_x + f*n_xx + (g*n + g*n_t + f*n_x + f*n_xt)*f*n = sin(x)");
  const auto points = random_points(40, 2, 3);
  std::vector<double> one, two;
  EXPECT_NEAR(hard.loss(hard.parameters, points, &one), written.loss(written.parameters, points, &two),
              1e-14);
  for (std::size_t p = 0; p < one.size(); ++p) EXPECT_NEAR(one[p], two[p], 1e-13);
}

TEST(Residual, TheLaplacianIsItsSumOfDerivatives) {
  const auto points = random_points(40, 3, 3);
  ResidualProblem collapsed("axes x, y, t; u_t + biharmonic(u) - laplacian(u)", {3, 8, 8, 1}, {});
  ResidualProblem summed("axes x, y, t; u_t + u_xxxx + 2*u_xxyy + u_yyyy - u_xx - u_yy", {3, 8, 8, 1}, {});
  std::vector<double> one, two;
  EXPECT_NEAR(collapsed.loss(collapsed.parameters, points, &one),
              summed.loss(summed.parameters, points, &two), 1e-13);
  for (std::size_t p = 0; p < one.size(); ++p) EXPECT_NEAR(one[p], two[p], 1e-12);
}

TEST(Residual, TheBytesDoNotDependOnTheNumberOfThreads) {
  ResidualProblem burgers("learn k init 0.3; u_t + u*u_x - k*u_xx = sin(x)");
  const auto points = random_points(999, 2, 1);
  std::vector<double> one, four;
  {
    const base::ThreadLimit limit(1);
    burgers.loss(burgers.parameters, points, &one);
  }
  {
    const base::ThreadLimit limit(4);
    burgers.loss(burgers.parameters, points, &four);
  }
  EXPECT_EQ(one, four);
}

TEST(Residual, APeriodicNetworkTakesEqualValuesAtBothEnds) {
  const System system = parse_system("u_t + u*u_x - u_xxx; u; domain x = -1..2, t = 0..1; periodic x");
  nets::JetNetwork network{{5, 8, 1}, nets::JetActivation::tanh, periodic_features(system, 2)};
  ASSERT_EQ(network.features.size(), 5U);
  Residual<double> residual(system, equation_roots(system), network);
  const double ends[] = {-1, 0.3, 2, 0.3};
  double values[4];
  Residual<double>::Workspace workspace;
  residual.values(formula_parameters(network), ends, 2, workspace, values);
  EXPECT_NEAR(values[0], values[1], 1e-12);
  EXPECT_NEAR(values[2], values[3], 1e-14);
  EXPECT_TRUE(periodic_features(parse_system("u_x")).empty());
  EXPECT_THROW(periodic_features(parse_system("u_x; periodic x")), base::Error);
}

TEST(Residual, ANetworkOfOtherWidthsIsNamed) {
  EXPECT_THROW(ResidualProblem("u_t = u_x", {3, 8, 1}), base::Error);
  EXPECT_THROW(ResidualProblem("u_t = v_x", {2, 8, 1}), base::Error);
}

}  // namespace
}  // namespace starling::pinn
