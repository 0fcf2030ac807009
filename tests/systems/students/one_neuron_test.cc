#include "starling/systems/students/one_neuron.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "starling/base/error.h"

namespace starling::students {
namespace {

double best_average(double m) {
  return 2 / std::numbers::pi * (m * std::numbers::pi / 6 - m * m * std::asin(1 / (2 * m)));
}

TEST(OneNeuron, AveragesAllTeachersForErf) {
  for (base::Index k = 1; k <= 50; ++k) {
    const OneNeuron best = one_neuron(k, Activation::erf);
    const double m = static_cast<double>(k);
    EXPECT_TRUE(best.finite);
    EXPECT_NEAR(best.r, 1 / std::sqrt(2 * m - 1), 1e-8) << k;
    EXPECT_NEAR(best.a, m, 1e-8) << k;
    EXPECT_NEAR(best.loss, best_average(m), 1e-12);
  }
}

// Only a r matters: s = (k/π)(sin θ + (π - θ) cos θ), cos θ = 1/√k.
TEST(OneNeuron, GivesTheReluValues) {
  struct Row {
    base::Index k;
    double s, loss;
  };
  for (const Row& row : {Row{2, 1.5108183299, 0.177023873266}, Row{3, 1.9850539530, 0.484710060482},
                         Row{4, 2.4359911242, 0.942832938568}, Row{5, 2.8715660770, 1.560152994504},
                         Row{8, 4.1215713540, 4.419001600112}}) {
    const OneNeuron best = one_neuron(row.k, Activation::relu);
    EXPECT_NEAR(best.a * best.r, row.s, 1e-10);
    EXPECT_NEAR(best.loss, row.loss, 1e-12);
  }
}

TEST(OneNeuron, SaysThatGeluHasNoFiniteMinimum) {
  struct Row {
    base::Index k;
    double infimum;
  };
  for (const Row& row : {Row{2, 0.12161}, Row{3, 0.28375}, Row{5, 0.80230}}) {
    const OneNeuron best = one_neuron(row.k, Activation::gelu);
    EXPECT_FALSE(best.finite);
    EXPECT_NEAR(best.loss, row.infimum, 5e-6);
  }
}

// Values of an independent program, by Gauss-Hermite quadrature with 150 nodes an axis.
TEST(OneNeuron, OfTanhSigmoidAndSoftplusHasThePrintedValues) {
  struct Row {
    Activation activation;
    base::Index k;
    double r, a, loss;
  };
  for (const Row& row : {Row{Activation::tanh, 2, .493948, 2.090776, 0.0432972102},
                         Row{Activation::tanh, 3, .369642, 3.186052, 0.0747555257},
                         Row{Activation::tanh, 4, .307362, 4.285118, 0.1040925929},
                         Row{Activation::tanh, 8, .204990, 8.695335, 0.2165610894},
                         Row{Activation::sigmoid, 2, .638710, 2.000073, 0.0010458075},
                         Row{Activation::sigmoid, 3, .505791, 3.000046, 0.0018441616},
                         Row{Activation::sigmoid, 8, .298555, 8.000010, 0.0054142848},
                         Row{Activation::softplus, 2, .651495, 2.167918, 0.0216479369},
                         Row{Activation::softplus, 3, .519159, 3.332042, 0.0431910332},
                         Row{Activation::softplus, 4, .444393, 4.495455, 0.0647175012},
                         Row{Activation::softplus, 8, .308975, 9.147676, 0.1507911305},
                         Row{Activation::silu, 2, 1.12562, 1.22681, 0.0902634890}}) {
    const OneNeuron best = one_neuron(row.k, row.activation);
    SCOPED_TRACE(::testing::Message() << static_cast<int>(row.activation) << " k " << row.k);
    EXPECT_TRUE(best.finite);
    EXPECT_NEAR(best.r, row.r, 1e-5);
    EXPECT_NEAR(best.a, row.a, 1e-5);
    EXPECT_NEAR(best.loss, row.loss, 1e-9);
  }
}

TEST(OneNeuron, SaysThatSiluRunsAwayToAReluForThreeTeachersAndMore) {
  for (const base::Index k : {3, 4, 5, 8}) {
    const OneNeuron best = one_neuron(k, Activation::silu);
    EXPECT_FALSE(best.finite) << k;
    EXPECT_TRUE(std::isinf(best.r)) << k;
  }
}

TEST(OneNeuron, RefusesNoTeacher) {
  EXPECT_THROW(one_neuron(0, Activation::erf), base::Error);
}

TEST(OneNeuron, OfPhiHasAQuarterOfErfsLoss) {
  // Φ(h) = (1 + erf(h/√2)) / 2, and a = k also matches the constants.
  for (int k : {2, 5, 8}) EXPECT_NEAR(one_neuron(k, Activation::phi).loss, best_average(k) / 4, 1e-12);
}

TEST(OneNeuron, IsPerfectForOneTeacher) {
  for (const std::string& name : activation_names()) {
    const OneNeuron one = one_neuron(1, parse_activation(name));
    EXPECT_TRUE(one.finite) << name;
    EXPECT_NEAR(one.loss, 0, 1e-12) << name;
  }
}

}  // namespace
}  // namespace starling::students
