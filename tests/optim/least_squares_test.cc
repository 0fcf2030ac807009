#include "starling/optim/least_squares.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::optim {
namespace {

using base::Index;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

// r = A x - b, with n residuals in p parameters.
struct Linear {
  Matrix a;
  Vector b;
  Linear(Index n, Index p) : a(n, p), b(n) {
    base::Stream stream(1, 0, "test");
    for (double& value : a.reshaped()) value = stream.normal();
    for (double& value : b) value = stream.normal();
  }
  LeastSquaresProblem problem() const {
    const auto residual = [this](std::span<const double> x, std::span<double> r) {
      Vector::Map(r.data(), a.rows()) = a * Vector::Map(x.data(), a.cols()) - b;
    };
    return {
        .parameters = a.cols(),
        .residuals = a.rows(),
        .residual = residual,
        .jacobian = [this, residual](std::span<const double> x, std::span<double> r, std::span<double> j) {
          residual(x, r);
          Eigen::Map<Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(j.data(), a.cols(), a.rows()) =
              a.transpose();
        }};
  }
};

TEST(LevenbergMarquardt, AStepIsThatOfTheDampedNormalEquations) {
  for (const auto& [n, p] : {std::pair<Index, Index>{12, 5}, {5, 12}, {7, 7}, {1, 3}}) {
    const Linear linear(n, p);
    const LeastSquaresProblem problem = linear.problem();
    for (const DampedSolver solver : {DampedSolver::cholesky, DampedSolver::qr}) {
      std::vector<double> x(static_cast<std::size_t>(p), 0.3);
      const Vector start = Vector::Constant(p, 0.3);
      LevenbergMarquardt optimiser({.solver = solver, .damping = 0.7}, p, n);
      optimiser.start(problem, x);
      ASSERT_EQ(optimiser.step(problem, x), LeastSquaresEnd::none);
      const Matrix normal = linear.a.transpose() * linear.a + 0.7 * Matrix::Identity(p, p);
      const Vector expected =
          start - normal.ldlt().solve(linear.a.transpose() * (linear.a * start - linear.b));
      for (Index i = 0; i < p; ++i) EXPECT_NEAR(x[static_cast<std::size_t>(i)], expected[i], 1e-12);
    }
  }
}

TEST(LevenbergMarquardt, AnUndampedStepSolvesALinearProblemAtOnce) {
  for (const auto& [n, p] : {std::pair<Index, Index>{12, 5}, {5, 12}}) {
    const Linear linear(n, p);
    const LeastSquaresProblem problem = linear.problem();
    std::vector<double> x(static_cast<std::size_t>(p), 0.0);
    LevenbergMarquardt optimiser({.gauss_newton = true}, p, n);
    optimiser.start(problem, x);
    ASSERT_EQ(optimiser.step(problem, x), LeastSquaresEnd::none);
    EXPECT_EQ(optimiser.undamped_steps(), 1);
    const Vector least = linear.a.completeOrthogonalDecomposition().solve(linear.b);
    for (Index i = 0; i < p; ++i) EXPECT_NEAR(x[static_cast<std::size_t>(i)], least[i], 1e-12);
  }
}

// Two circles that do not meet: undamped steps from far away overshoot, damping brings them back.
TEST(LevenbergMarquardt, EndsInAMinimumOfANonlinearProblem) {
  const auto residual = [](std::span<const double> x, std::span<double> r) {
    r[0] = x[0] * x[0] + x[1] * x[1] - 1;
    r[1] = (x[0] - 3) * (x[0] - 3) + x[1] * x[1] - 1;
    r[2] = std::atan(5 * x[1] - 1);
  };
  const LeastSquaresProblem problem{
      .parameters = 2,
      .residuals = 3,
      .residual = residual,
      .jacobian = [&](std::span<const double> x, std::span<double> r, std::span<double> j) {
        residual(x, r);
        j[0] = 2 * x[0];
        j[3] = 2 * x[1];
        j[1] = 2 * (x[0] - 3);
        j[4] = 2 * x[1];
        j[2] = 0;
        j[5] = 5 / (1 + (5 * x[1] - 1) * (5 * x[1] - 1));
      }};
  for (const bool undamped : {false, true}) {
    std::vector<double> x{-4, 7};
    LevenbergMarquardt optimiser({.gauss_newton = undamped}, 2, 3);
    optimiser.start(problem, x);
    for (int i = 0; i < 200 && optimiser.step(problem, x) == LeastSquaresEnd::none; ++i) {
    }
    std::vector<double> r(3), j(6);
    problem.jacobian(x, r, j);
    EXPECT_NEAR(j[0] * r[0] + j[1] * r[1] + j[2] * r[2], 0, 1e-6);
    EXPECT_NEAR(j[3] * r[0] + j[4] * r[1] + j[5] * r[2], 0, 1e-6);
  }
}

TEST(LevenbergMarquardt, SlipsAreNamed) {
  EXPECT_THROW(LevenbergMarquardt({}, 0, 3), base::Error);
  EXPECT_THROW(LevenbergMarquardt({.damping = 0}, 2, 3), base::Error);
}

}  // namespace
}  // namespace starling::optim
