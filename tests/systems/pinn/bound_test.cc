#include "starling/systems/pinn/bound.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numbers>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/pinn/references.h"
#include "systems/pinn/poisson.h"

namespace starling::pinn {
namespace {

using base::Points;

Points<double> table(Eigen::Index rows, Eigen::Index columns, auto entry) {
  Points<double> out(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index j = 0; j < columns; ++j)
      out(i, j) = entry(static_cast<double>(i + 1), static_cast<double>(j + 1));
  }
  return out;
}

std::vector<Points<double>> weights_of(const nets::JetNetwork& network,
                                       const std::vector<double>& parameters) {
  std::vector<Points<double>> weights;
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    weights.push_back(Eigen::Map<const Points<double>>(parameters.data() + network.weight(l),
                                                       network.widths[static_cast<std::size_t>(l + 1)],
                                                       network.widths[static_cast<std::size_t>(l)]));
  }
  return weights;
}

TEST(Bound, ConstantsHaveTheirKnownValues) {
  EXPECT_NEAR(kernel_constant_squared(1, 1), 0.5, 1e-15);
  EXPECT_NEAR(kernel_constant_squared(2, 1), 0.25, 1e-15);
  EXPECT_NEAR(kernel_constant_squared(2, 2), 0.07957747154594767, 1e-16);
  EXPECT_NEAR(kernel_constant_squared(3, 2), 0.039788735772973836, 1e-16);
  EXPECT_NEAR(kernel_constant_squared(2.5, 3), 0.016886863940389626, 1e-16);
  EXPECT_NEAR(trace_constant(1, 1), 0.31830988618379064, 1e-15);
  EXPECT_NEAR(trace_constant(1, 2), 0.07957747154594767, 1e-16);
  EXPECT_NEAR(trace_constant(2, 3), 0.0067547455761558526, 1e-17);
  EXPECT_THROW(kernel_constant_squared(1, 2), base::Error);
}

TEST(Bound, LayersHaveTheirKnownFactors) {
  const auto square = table(4, 4, [](double i, double j) { return (i == j ? 1 : 0) + std::sin(i * j) / 4; });
  const auto tall = table(5, 3, [](double i, double j) { return std::cos(i * j) / 2 + (i == j ? 1 : 0); });
  const double of_square[] = {1.5084928061361, 2.0337126668794, 2.7418010842356};
  const double of_tall[] = {0.77165483780796, 0.98863655352996, 1.4625799407225};
  for (int s = 1; s <= 3; ++s) {
    EXPECT_NEAR(std::exp(layer_factor(square, s).log_kappa), of_square[s - 1], 1e-12);
    EXPECT_NEAR(std::exp(layer_factor(tall, s).log_kappa), of_tall[s - 1], 1e-12);
  }
  const auto sigma = layer_factor(tall, 1).singular_values;
  EXPECT_NEAR(sigma[0], 1.8118764423632, 1e-12);
  EXPECT_NEAR(sigma[2], 0.2982517554395, 1e-12);
  const nets::JetNetwork network{{4, 4, 4, 4}};
  const double logs[] = {2.2974700663471, 0.99794976078464, 3.3019046973294};
  double sum = 0;
  const auto weights = weights_of(network, testing::split_mix_parameters(network, 7));
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_NEAR(layer_factor(weights[l], 3).log_kappa, logs[l], 1e-12);
    sum += layer_factor(weights[l], 3).log_kappa;
  }
  EXPECT_NEAR(sum, 6.5973245244611, 1e-12);
}

TEST(Bound, ALayerWithoutFullRankHasNoFactor) {
  const auto formula = table(8, 8, [](double i, double j) { return std::sin(i + 2 * j); });
  const LayerFactor factor = layer_factor(formula, 2);
  EXPECT_TRUE(std::isinf(factor.log_kappa));
  EXPECT_EQ(factor.rank, 2);
  EXPECT_EQ(factor.note, "rank deficient: rank 2 of 8");
  EXPECT_NE(
      layer_factor(table(3, 5, [](double i, double j) { return i * j + i; }), 2).note.find("not injective"),
      std::string::npos);
}

// |f ∘ W| <= κ |f| for f = exp(-|x|²/2), by quadrature and by the transform.
TEST(Bound, AFactorBoundsTheNormOfAComposition) {
  const auto column = table(2, 1, [](double i, double) { return i == 1 ? 0.7 : 1.1; });
  std::vector<double> narrow, plane;
  constexpr int n = 2048, m = 256;
  for (int i = 0; i < n; ++i)
    narrow.push_back(std::exp(-std::pow((i - n / 2) * 0.02, 2) * (0.49 + 1.21) / 2));
  for (int i = 0; i < m * m; ++i)
    plane.push_back(std::exp(-(std::pow((i % m - m / 2) * 0.1, 2) + std::pow((i / m - m / 2) * 0.1, 2)) / 2));
  const std::size_t one[] = {n}, two[] = {m, m};
  const double fine[] = {0.02}, coarse[] = {0.1, 0.1};
  const double ratio = sobolev_norm(narrow, one, fine, 1) / sobolev_norm(plane, two, coarse, 1.5);
  EXPECT_NEAR(ratio, 0.5107752997, 1e-9);
  EXPECT_NEAR(std::exp(layer_factor(column, 1).log_kappa), 0.6442245844, 1e-9);
}

TEST(Bound, BurgersHasItsKnownComplexity) {
  System burgers = parse_system("param nu = 0.01/pi; u_t + u*u_x - nu*u_xx = 0");
  const double expected[][3] = {{1, 0.0114654764032, 0.00894901579798},
                                {5, 0.107656594121, 0.0447450789899},
                                {20, 1.18556455805, 0.17898031596}};
  for (const auto& [norm, value, linear] : expected) {
    const Complexity bound = residual_complexity(burgers, burgers.equations[0].residual, 2, 1000, {norm});
    EXPECT_EQ(bound.terms.size(), 3U);
    EXPECT_NEAR(bound.value, value, 1e-11 * value + 5e-13);
    EXPECT_NEAR(bound.linear, linear, 1e-11 * linear + 5e-13);
  }
}

TEST(Bound, TermsAreExpandedBeforeTheyAreCounted) {
  System system = parse_system("axes x, t; (u + 1)*(u - 1) - u^2*(1 + u_x) + sin(x)*u_t = exp(x)");
  const Complexity bound = residual_complexity(system, system.equations[0].residual, 2, 1, {2});
  ASSERT_EQ(bound.terms.size(), 2U);  // u² u_x and sin(x) u_t
  const double b = bound.kernel_constant;
  EXPECT_NEAR(bound.value, std::pow(2 * b, 3) + 2 * b, 1e-14);
}

TEST(Bound, AnAnalyticNonlinearityIsBoundedByItsMajorant) {
  System system = parse_system("axes x, t; u_tt - u_xx + sin(u) = exp(u)*3");
  const Complexity bound = residual_complexity(system, system.equations[0].residual, 2, 100, {2, 3, 4});
  const double b = bound.kernel_constant;
  EXPECT_FALSE(bound.polynomial);
  EXPECT_NEAR(bound.value, (8 * b + std::sinh(2 * b) + 3 * (std::exp(2 * b) - 1)) / 10, 1e-13);
  EXPECT_NEAR(bound.linear, (8 * b + 2 * b + 6 * b) / 10, 1e-6);
  System error_function = parse_system("u_x = erf(u)");
  const auto of_erf =
      residual_complexity(error_function, error_function.equations[0].residual, 2, 100, {2, 3});
  const double c = of_erf.kernel_constant;
  double integral = 0;  // of exp(s²) from 0 to 2c, by midpoints
  for (int i = 0; i < 20000; ++i) integral += std::exp(std::pow((i + .5) / 20000 * 2 * c, 2)) * 2 * c / 20000;
  EXPECT_NEAR(of_erf.value, (3 * c + 2 / std::sqrt(std::numbers::pi) * integral) / 10, 1e-8);
  System singular = parse_system("u_x = 1/u");
  EXPECT_TRUE(std::isinf(residual_complexity(singular, singular.equations[0].residual, 2, 100, {2}).value));
}

// A ball of an RKHS: the Monte-Carlo complexity lies below its bound √tr K / n.
TEST(Bound, TheComplexityOfABallLiesBelowItsBound) {
  constexpr int n = 20, draws = 20000;
  Eigen::MatrixXd kernel(n, n);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) kernel(i, j) = std::exp(-std::abs(i - j) / 10.0) / 2;
  }
  base::Stream stream(1, 0, "signs");
  double sum = 0;
  for (int k = 0; k < draws; ++k) {
    Eigen::VectorXd signs(n);
    for (double& sign : signs) sign = stream.uniform() < 0.5 ? -1 : 1;
    sum += std::sqrt(signs.dot(kernel * signs)) / n;
  }
  EXPECT_NEAR(sum / draws, 0.14786, 4e-4 * 2);  // four standard errors
  EXPECT_NEAR(std::sqrt(kernel.trace()) / n, 0.158113883008, 1e-12);
}

TEST(Bound, ComparisonsAreThoseOfOneLayer) {
  const std::vector<Points<double>> one{table(1, 2, [](double, double j) { return 2 + j; })};
  EXPECT_NEAR(bartlett(one, 4), 5.0 / 2, 1e-13);
  EXPECT_NEAR(golowich(one, 4), (std::sqrt(2 * std::numbers::ln2) + 1) * 5 / 2, 1e-13);
}

}  // namespace
}  // namespace starling::pinn
