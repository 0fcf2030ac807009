#include "starling/optim/trust_region.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <cmath>

#include "starling/base/random.h"

namespace starling::optim {
namespace {

using base::Index;
using Vector = base::Vector<double>;

struct Model {
  Eigen::MatrixXd hessian;
  Vector gradient;
  double at(const Vector& p) const { return gradient.dot(p) + 0.5 * p.dot(hessian * p); }
};

Model model_with(const Vector& eigenvalues, std::uint64_t seed) {
  const Index n = eigenvalues.size();
  base::Stream stream(seed, 0, "test");
  Eigen::MatrixXd table(n, n);
  for (double& value : table.reshaped()) value = stream.normal();
  const Eigen::MatrixXd q = Eigen::HouseholderQR<Eigen::MatrixXd>(table).householderQ();
  Model model{q * eigenvalues.asDiagonal() * q.transpose(), Vector(n)};
  model.hessian = (0.5 * (model.hessian + model.hessian.transpose())).eval();
  for (double& value : model.gradient) value = stream.normal();
  return model;
}

// The minimum of the model in the ball by bisection for the multiplier in the eigenbasis.
double reference_minimum(const Model& model, double radius) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> modes(model.hessian);
  const Vector& values = modes.eigenvalues();
  const Vector g = modes.eigenvectors().transpose() * model.gradient;
  const auto length = [&](double shift) { return (g.array() / (values.array() + shift)).matrix().norm(); };
  const auto value = [&](const Vector& p) { return g.dot(p) + 0.5 * p.dot(values.cwiseProduct(p)); };
  if (values[0] > 0 && length(0) <= radius) return value(-(g.array() / values.array()).matrix());
  double low = std::max(0.0, -values[0]), high = low + g.norm() / radius + 1;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (length(middle) > radius ? low : high) = middle;
  }
  Vector p = -(g.array() / (values.array() + high)).matrix();
  if (p.norm() < radius * (1 - 1e-9)) p[0] = std::sqrt(radius * radius - p.squaredNorm() + p[0] * p[0]);
  return value(p);
}

Vector spread(Index n, double lowest, double highest) {
  return n == 1 ? Vector::Constant(1, lowest) : Vector(Vector::LinSpaced(n, lowest, highest));
}

TEST(TrustRegion, AnExactStepIsNearlyAsGoodAsTheBestInTheBall) {
  for (const Index n : {1, 2, 7, 40}) {
    for (const double lowest : {-2.0, -1e-3, 0.0, 1e-6, 0.5}) {
      for (const double radius : {1e-4, 0.3, 10.0, 1e5}) {
        const Model model = model_with(spread(n, lowest, 3), static_cast<std::uint64_t>(n));
        const ModelStep step = exact_step(model.hessian, model.gradient, radius);
        EXPECT_LE(step.p.norm(), 1.1 * radius * (1 + 1e-9));
        EXPECT_NEAR(step.predicted, -model.at(step.p), 1e-9 * (std::abs(step.predicted) + 1e-12));
        const double best = reference_minimum(model, radius);
        EXPECT_LE(model.at(step.p), 0.75 * best) << n << " " << lowest << " " << radius;
        if (!step.at_boundary) {
          EXPECT_LT((model.hessian * step.p + model.gradient).norm(), 1e-6 * model.gradient.norm());
        }
      }
    }
  }
}

TEST(TrustRegion, AnExactStepLeavesASaddleWhoseGradientIsBlindToTheWayDown) {
  Model model = model_with(spread(6, -1, 2), 3);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> modes(model.hessian);
  const Vector lowest = modes.eigenvectors().col(0);
  model.gradient -= lowest * lowest.dot(model.gradient);
  model.gradient *= 0.01;
  for (const bool flat : {false, true}) {
    if (flat) model.gradient.setZero();
    const ModelStep step = exact_step(model.hessian, model.gradient, 1.0);
    EXPECT_TRUE(step.at_boundary);
    EXPECT_NEAR(step.p.norm(), 1, 1e-6);
    EXPECT_LT(model.at(step.p), -0.45);
  }
}

TEST(TrustRegion, AnExactStepStaysWhereTheModelIsLeastAlready) {
  const Model model = model_with(spread(5, 1, 2), 4);
  const ModelStep step = exact_step(model.hessian, Vector::Zero(5), 1.0);
  EXPECT_EQ(step.p.norm(), 0);
  EXPECT_EQ(exact_step(Eigen::MatrixXd::Zero(3, 3), Vector::Zero(3), 1.0).p.norm(), 0);
}

TEST(TrustRegion, TruncatedGradientsSolveDefiniteModelsAndLeaveIndefiniteOnesAtTheBoundary) {
  const Model bowl = model_with(spread(30, 0.5, 3), 5);
  const auto times = [](const Model& model) {
    return [&model](const Vector& v) -> Vector { return model.hessian * v; };
  };
  const ModelStep inside = truncated_cg(bowl.gradient, 1e6, 1e-10, 60, times(bowl));
  EXPECT_TRUE(inside.complete);
  EXPECT_FALSE(inside.at_boundary);
  EXPECT_LT((bowl.hessian * inside.p + bowl.gradient).norm(), 1e-9);
  EXPECT_NEAR(inside.predicted, -bowl.at(inside.p), 1e-10);
  const ModelStep cut = truncated_cg(bowl.gradient, 1e6, 1e-10, 2, times(bowl));
  EXPECT_FALSE(cut.complete);
  EXPECT_GT(cut.predicted, 0);
  const Model saddle = model_with(spread(30, -1, 3), 6);
  const ModelStep out = truncated_cg(saddle.gradient, 0.7, 1e-10, 60, times(saddle));
  EXPECT_TRUE(out.at_boundary);
  EXPECT_NEAR(out.p.norm(), 0.7, 1e-9);
  EXPECT_NEAR(out.predicted, -saddle.at(out.p), 1e-10);
}

TEST(TrustRegion, OnlyNegativeEigenvaluesBeyondTheShareAreSeen) {
  EXPECT_TRUE(is_positive_semidefinite(model_with(spread(9, 0, 1), 7).hessian, 1e-9));
  EXPECT_TRUE(is_positive_semidefinite(model_with(spread(9, -1e-12, 1), 7).hessian, 1e-9));
  EXPECT_FALSE(is_positive_semidefinite(model_with(spread(9, -1e-6, 1), 7).hessian, 1e-9));
  EXPECT_TRUE(is_positive_semidefinite(Eigen::MatrixXd::Zero(2, 2), 1e-9));
}

TEST(TrustRegion, TheRadiusFollowsHowWellTheModelForetold) {
  TrustRegion region{1};
  const ModelStep step{.p = Vector::Constant(1, 1.0), .predicted = 1, .at_boundary = true};
  EXPECT_TRUE(region.judge(step, 0.9, 0));
  EXPECT_EQ(region.radius, 2);
  EXPECT_TRUE(region.judge(step, 0.5, 0));
  EXPECT_EQ(region.radius, 2);
  EXPECT_TRUE(region.judge(step, 0.1, 0));
  EXPECT_EQ(region.radius, 0.25);
  EXPECT_FALSE(region.judge(step, -1, 0));
  EXPECT_FALSE(region.judge(step, std::nan(""), 0));
}

}  // namespace
}  // namespace starling::optim
