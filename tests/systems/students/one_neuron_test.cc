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
  for (const base::Index k : {1, 2, 3, 8, 41}) {
    const OneNeuron best = one_neuron(k, Activation::erf);
    const double m = static_cast<double>(k);
    EXPECT_TRUE(best.finite);
    EXPECT_NEAR(best.r, 1 / std::sqrt(2 * m - 1), 1e-7);
    EXPECT_NEAR(best.a, m, 1e-6);
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
