#include "starling/math/spectral_map.h"

#include <gtest/gtest.h>

#include <Eigen/QR>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::math {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr Smoothing smoothings[] = {Smoothing::hyperbolic, Smoothing::huber, Smoothing::tanh,
                                    Smoothing::rational};

template <class F>
MatrixXd table(Index rows, Index columns, F f) {
  MatrixXd out(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) out(i, j) = f(static_cast<double>(i), static_cast<double>(j));
  }
  return out;
}

MatrixXd b() {
  return table(4, 3, [](double i, double j) { return std::cos((i + 1) * (j + 1)); });
}

MatrixXd normal(Index rows, Index columns, std::uint64_t seed) {
  base::Stream stream(seed, 0, "test matrices");
  MatrixXd out(rows, columns);
  for (double& value : out.reshaped()) value = stream.normal();
  return out;
}

double inner(const MatrixXd& x, const MatrixXd& y) {
  return x.cwiseProduct(y).sum();
}

TEST(SpectralMap, HasTheFiguresOfAnIndependentComputation) {
  const Eigen::VectorXd s = singular_values(b());
  EXPECT_NEAR(s[0], 2.012648635566156, 1e-14);
  EXPECT_NEAR(s[1], 1.576028980793706, 1e-14);
  EXPECT_NEAR(s[2], 0.570616694040708, 1e-14);
  const struct {
    double e, r00, r12, r31, psi, dual, pairing;
  } rows[] = {{.5, 0.161754281503662, 0.355867407980745, -0.112826777042115, 2.985952441442887,
               0.898732662798890, 3.884685104241777},
              {.1, 0.092885489911955, 0.317840570424646, -0.148632340524213, 3.873642596140176,
               0.271443388294625, 4.145085984434801}};
  for (const auto& row : rows) {
    const SpectralMap map(row.e);
    const MatrixXd r = map(b());
    EXPECT_NEAR(r(0, 0), row.r00, 1e-14);
    EXPECT_NEAR(r(1, 2), row.r12, 1e-14);
    EXPECT_NEAR(r(3, 1), row.r31, 1e-14);
    EXPECT_NEAR(map.potential(b()), row.psi, 1e-14);
    EXPECT_NEAR(map.dual_potential(r), row.dual, 1e-14);
    EXPECT_NEAR(inner(b(), r), row.pairing, 1e-14);
    EXPECT_NEAR(map.potential(b()) + map.dual_potential(r), inner(b(), r), 1e-14);
    EXPECT_LT((map(b().transpose()).transpose() - r).norm(), 1e-14);
  }
}

TEST(SpectralMap, LeavesTheNullDirectionsOfASingularMatrixAlone) {
  const MatrixXd a = table(4, 3, [](double i, double j) { return std::sin(i + 2 * j); });
  const Eigen::VectorXd s = singular_values(a);
  EXPECT_NEAR(s[0], 1.852702082640488, 1e-14);
  EXPECT_NEAR(s[1], 1.569496008240008, 1e-14);
  EXPECT_LT(s[2], 1e-15);
  const MatrixXd r = SpectralMap(.1)(a);
  EXPECT_NEAR(r(0, 0), -0.009194571471777, 1e-14);
  EXPECT_NEAR(r(0, 1), 0.495514013250463, 1e-14);
  EXPECT_NEAR(r(2, 0), 0.580404397970475, 1e-14);
  EXPECT_NEAR(r(3, 1), -0.530137702859166, 1e-14);
  EXPECT_NEAR(polar_factor(a).squaredNorm(), 2, 1e-13);
  EXPECT_EQ(polar_factor(MatrixXd::Zero(2, 5)).norm(), 0);
}

TEST(SpectralMap, TendsToThePolarFactorWithTheSquareOfEpsilon) {
  const MatrixXd polar = polar_factor(b());
  EXPECT_NEAR(polar(0, 0), 0.088040254447977, 1e-14);
  EXPECT_NEAR(polar(1, 2), 0.315063099378793, 1e-14);
  EXPECT_NEAR(singular_values(b()).sum(), 4.159294310400571, 1e-14);
  EXPECT_NEAR(singular_values(b()).sum() - SpectralMap(.1).potential(b()), .2856517142603954, 1e-14);
  const double errors[][2] = {
      {1, .504392731851633}, {.1, .015011205612319}, {.01, 1.535256821648e-4}, {.001, 1.535606909e-6}};
  for (const auto& [e, error] : errors)
    EXPECT_NEAR(singular_values(SpectralMap(e)(b()) - polar)[0], error, 1e-14);
}

TEST(SpectralMap, HasTheDerivativesOfAnIndependentComputation) {
  const MatrixXd h = table(4, 3, [](double i, double j) { return std::sin(1 + 3 * i + j * j); });
  const double rows[][4] = {{.5, 0.351305086690942, 0.275895024765289, 1.311314206549467},
                            {.1, 0.338758834228715, 0.254063949409740, 1.143504690105726}};
  for (const auto& [e, d00, d21, pairing] : rows) {
    const MatrixXd d = SpectralMap(e).derivative(b(), h);
    EXPECT_NEAR(d(0, 0), d00, 1e-14);
    EXPECT_NEAR(d(2, 1), d21, 1e-14);
    EXPECT_NEAR(inner(h, d), pairing, 1e-14);
  }
}

TEST(SpectralMap, OfEverySmoothingIsTheGradientOfItsPotentialAndHasItsDerivative) {
  constexpr double h = 1e-5;
  for (const Smoothing smoothing : smoothings) {
    for (const double e : {.7, 3.0}) {
      const SpectralMap map(e, smoothing);
      for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 1}, {3, 5}, {6, 2}, {4, 4}}) {
        const MatrixXd m = normal(rows, columns, 1), direction = normal(rows, columns, 2).normalized();
        const double slope = (map.potential(m + h * direction) - map.potential(m - h * direction)) / (2 * h);
        EXPECT_NEAR(inner(map(m), direction), slope, 1e-9);
        const MatrixXd difference = (map(m + h * direction) - map(m - h * direction)) / (2 * h);
        EXPECT_LT((map.derivative(m, direction) - difference).norm(), 1e-8) << static_cast<int>(smoothing);
        EXPECT_NEAR(map.potential(m) + map.dual_potential(map(m)), inner(m, map(m)), 1e-12 * (1 + m.norm()));
      }
    }
  }
}

TEST(SpectralMap, IsLinearAtZeroAndBlindToEqualSingularValues) {
  for (const Smoothing smoothing : smoothings) {
    const SpectralMap map(.2, smoothing);
    const MatrixXd h = normal(3, 5, 3);
    EXPECT_LT((map.derivative(MatrixXd::Zero(3, 5), h) - h / .2).norm(), 1e-13);
    const MatrixXd q = Eigen::HouseholderQR<MatrixXd>(normal(4, 4, 4)).householderQ();
    constexpr double step = 1e-5;
    const MatrixXd direction = normal(4, 4, 5);
    const MatrixXd difference = (map(q + step * direction) - map(q - step * direction)) / (2 * step);
    EXPECT_LT((map.derivative(q, direction) - difference).norm(), 1e-8);
  }
}

TEST(SpectralMap, BoundsItsPotentialByThePairing) {
  for (int i = 0; i < 500; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const MatrixXd p = normal(1 + i % 4, 1 + i % 5, seed) * std::exp(4 * std::sin(i));
    const SpectralMap map(.3);
    const double psi = map.potential(p), pairing = inner(p, map(p)), nuclear = singular_values(p).sum();
    EXPECT_GE(pairing, psi * (1 - 1e-13));
    EXPECT_LE(pairing, 2 * psi * (1 + 1e-13));
    EXPECT_LE(psi, nuclear);
    EXPECT_GE(psi, nuclear - .3 * static_cast<double>(std::min(p.rows(), p.cols())));
    EXPECT_LT(singular_values(map(p))[0], 1);
  }
}

TEST(SpectralMap, KeepsItsDigitsAtExtremeScales) {
  for (const double scale : {1e-300, 1e-30, 1e30, 1e150}) {
    const MatrixXd m = normal(4, 3, 7);
    for (const Smoothing smoothing : smoothings) {
      EXPECT_LT((SpectralMap(.3 * scale, smoothing)(scale * m) - SpectralMap(.3, smoothing)(m)).norm(),
                1e-13);
      EXPECT_NEAR(SpectralMap(.3 * scale, smoothing).potential(scale * m) / scale,
                  SpectralMap(.3, smoothing).potential(m), 1e-12);
    }
  }
  EXPECT_NEAR(SpectralMap(1, Smoothing::tanh).potential(MatrixXd::Constant(1, 1, 1e-6)), 5e-13, 2e-25);
  EXPECT_NEAR(SpectralMap(1).potential(MatrixXd::Constant(1, 1, 1e-6)), 5e-13, 2e-25);
}

TEST(SpectralMap, TakesMatricesWithoutEntriesAndRefusesThoseThatAreNotFinite) {
  const SpectralMap map(.1);
  EXPECT_EQ(map(MatrixXd(0, 3)).cols(), 3);
  EXPECT_EQ(map.derivative(MatrixXd(3, 0), MatrixXd(3, 0)).rows(), 3);
  EXPECT_EQ(map.potential(MatrixXd(0, 3)), 0);
  EXPECT_EQ(polar_factor(MatrixXd(0, 3)).rows(), 0);
  MatrixXd bad = normal(3, 3, 1);
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    bad(1, 2) = value;
    EXPECT_THROW(map(bad), base::Error);
    EXPECT_THROW(map.potential(bad), base::Error);
    EXPECT_THROW(polar_factor(bad), base::Error);
  }
  for (const double e : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(SpectralMap{e}, base::Error);
  EXPECT_THROW(map.derivative(normal(2, 3, 1), normal(3, 2, 1)), base::Error);
  EXPECT_TRUE(std::isinf(map.dual_potential(2 * MatrixXd::Identity(2, 2))));
}

}  // namespace
}  // namespace starling::math
