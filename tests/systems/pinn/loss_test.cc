#include "starling/systems/pinn/loss.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>

#include "nets/formula_net.h"
#include "starling/base/error.h"

namespace starling::pinn {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> points_of(int n) {
  std::vector<double> points;
  for (int i = 0; i < 2 * n; ++i) points.push_back(std::sin(1.3 * i));
  return points;
}

struct LossProblem {
  System system = parse_system("learn k init 0.2 positive; u_t - k*u_xx; u - sin(x); u_x = k");
  nets::JetNetwork network{{2, 7, 5, 1}};
  std::vector<double> parameters = nets::testing::formula_parameters(network);
  LossProblem() { parameters.push_back(std::log(0.2)); }
  int root(std::size_t number) const { return system.equations[number].residual; }
};

TEST(Loss, TheStackedVectorIsTheLoss) {
  LossProblem problem;
  std::vector<double> weights(40);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.01 * static_cast<double>(1 + i);
  Loss loss(problem.system, problem.network,
            {{.roots = {problem.root(0), problem.root(2)}, .points = points_of(50), .weight = 2},
             {.roots = {problem.root(1)}, .points = points_of(40), .weight = 3, .point_weights = weights}});
  const Eigen::Index rows = loss.residual_count(), count = loss.parameter_count();
  ASSERT_EQ(rows, 2 * 50 + 40);
  Vector gradient(count), stacked(rows), residual(rows);
  Matrix jacobian(count, rows);
  const auto span_of = [](auto& table) {
    return std::span<double>(table.data(), static_cast<std::size_t>(table.size()));
  };
  const double value = loss.gradient(problem.parameters, span_of(gradient));
  loss.stacked(problem.parameters, span_of(stacked));
  loss.jacobian(problem.parameters, span_of(residual), span_of(jacobian));
  EXPECT_NEAR(stacked.squaredNorm() / 2, value, 1e-14);
  EXPECT_NEAR((stacked - residual).norm(), 0, 1e-14);
  EXPECT_NEAR((jacobian * residual - gradient).norm(), 0, 1e-13);
  EXPECT_NEAR(loss.part(0) + loss.part(1), value, 1e-15);
  const auto plain = loss.residuals(1, problem.parameters);
  for (std::size_t i = 0; i < plain.size(); ++i)
    EXPECT_NEAR(stacked[100 + static_cast<Eigen::Index>(i)], std::sqrt(3 * weights[i]) * plain[i], 1e-15);
  // The last parameter is the coefficient's logarithm.
  constexpr double h = 1e-4;
  auto moved = problem.parameters;
  Vector unused(count);
  moved.back() += h;
  const double above = loss.gradient(moved, span_of(unused));
  moved.back() -= 2 * h;
  EXPECT_NEAR((above - loss.gradient(moved, span_of(unused))) / (2 * h), gradient[count - 1], 1e-8);
  EXPECT_NEAR(learned_values(problem.system, problem.parameters)[0], 0.2, 1e-15);
}

TEST(Loss, PointsCanBeExchanged) {
  LossProblem problem;
  Loss loss(problem.system, problem.network, {{.roots = {problem.root(0)}, .points = points_of(50)}});
  Loss other(problem.system, problem.network, {{.roots = {problem.root(0)}, .points = points_of(33)}});
  std::vector<double> one(problem.parameters.size()), two(one);
  loss.set_points(0, points_of(33), std::vector<double>(33, 1.0 / 33));
  EXPECT_NEAR(loss.gradient(problem.parameters, one), other.gradient(problem.parameters, two), 1e-15);
  for (std::size_t p = 0; p < one.size(); ++p) EXPECT_NEAR(one[p], two[p], 1e-15);
}

TEST(Loss, SinglePrecisionFollowsDoublePrecision) {
  LossProblem problem;
  const auto points = points_of(70);
  const std::vector<float> p(problem.parameters.begin(), problem.parameters.end()),
      x(points.begin(), points.end());
  Residual<double> exact(problem.system, equation_roots(problem.system), problem.network);
  Residual<float> rough(problem.system, equation_roots(problem.system), problem.network);
  Residual<double>::Workspace room;
  Residual<float>::Workspace small;
  std::vector<double> fine(p.size());
  std::vector<float> coarse(p.size());
  const double loss = exact.add_gradient(problem.parameters, points.data(), 70, nullptr, 1, room, fine);
  EXPECT_NEAR(static_cast<double>(rough.add_gradient(p, x.data(), 70, nullptr, 1, small, coarse)), loss,
              1e-5 * loss);
  for (std::size_t i = 0; i < fine.size(); ++i) EXPECT_NEAR(static_cast<double>(coarse[i]), fine[i], 2e-5);
}

TEST(Loss, InitialParametersAreGlorotsAndTheStarts) {
  LossProblem problem;
  const auto parameters = initial_parameters(problem.system, problem.network, 3);
  ASSERT_EQ(parameters.size(), problem.parameters.size());
  const double bound = std::sqrt(6.0 / 9);
  for (std::ptrdiff_t i = 0; i < 14; ++i) EXPECT_LE(std::abs(parameters[static_cast<std::size_t>(i)]), bound);
  EXPECT_EQ(parameters[static_cast<std::size_t>(problem.network.bias(1))], 0);
  EXPECT_NEAR(parameters.back(), std::log(0.2), 1e-15);
  EXPECT_NE(parameters, initial_parameters(problem.system, problem.network, 4));
}

TEST(Loss, SlipsAreNamed) {
  LossProblem problem;
  EXPECT_THROW(Loss(problem.system, problem.network, {}), base::Error);
  EXPECT_THROW(Loss(problem.system, problem.network, {{.roots = {problem.root(0)}, .points = {1, 2, 3}}}),
               base::Error);
  EXPECT_THROW(Loss(problem.system, problem.network,
                    {{.roots = {problem.root(0)}, .points = {1, 2}, .point_weights = {1, 2}}}),
               base::Error);
}

}  // namespace
}  // namespace starling::pinn
