#include "starling/systems/students/one_neuron.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::students {
namespace {

using std::numbers::pi;

// (2/π)(m π/6 - m² asin(1/2m))
double best_average(double m) {
  return 2 / pi * (m * pi / 6 - m * m * std::asin(1 / (2 * m)));
}

TEST(OneNeuron, OfErfIsTheAverageOfItsTeachers) {
  for (int k = 1; k <= 50; ++k) {
    const OneNeuron one = one_neuron(k, Activation::erf);
    EXPECT_TRUE(one.finite);
    EXPECT_NEAR(one.loss, best_average(k), 1e-12);
    EXPECT_NEAR(one.r, 1 / std::sqrt(2.0 * k - 1), 1e-8);
    EXPECT_NEAR(one.a, k, 1e-7);
  }
}

TEST(OneNeuron, OfErfHasThePrintedLosses) {
  const double printed[][2] = {{2, 0.023221680625}, {3, 0.040593177314}, {4, 0.056754527741},
                               {5, 0.072452645204}, {6, 0.0879232611},   {7, 0.103265065006},
                               {8, 0.118526792198}, {41, 0.6156378258}};
  for (const auto& [k, loss] : printed)
    EXPECT_NEAR(one_neuron(static_cast<base::Index>(k), Activation::erf).loss, loss, 6e-11) << "k = " << k;
}

TEST(OneNeuron, OfReluHasThePrintedScalesAndLosses) {
  const double printed[][3] = {{2, 1.5108183299, 0.177023873266},
                               {3, 1.9850539530, 0.484710060482},
                               {4, 2.4359911242, 0.942832938568},
                               {5, 2.8715660770, 1.560152994504},
                               {8, 4.1215713540, 4.419001600112}};
  for (const auto& [k, scale, loss] : printed) {
    const OneNeuron one = one_neuron(static_cast<base::Index>(k), Activation::relu);
    EXPECT_TRUE(one.finite);
    EXPECT_NEAR(one.r * one.a, scale, 1e-10) << "k = " << k;
    EXPECT_NEAR(one.loss, loss, 1e-11) << "k = " << k;
  }
}

TEST(OneNeuron, OfGeluRunsAwayToARelu) {
  const double printed[][2] = {{2, 0.12161}, {3, 0.28375}, {5, 0.80230}};
  for (const auto& [k, loss] : printed) {
    const OneNeuron one = one_neuron(static_cast<base::Index>(k), Activation::gelu);
    EXPECT_FALSE(one.finite);
    EXPECT_TRUE(std::isinf(one.r));
    EXPECT_NEAR(one.loss, loss, 1e-5) << "k = " << k;
  }
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

TEST(OneNeuron, NeedsATeacher) {
  EXPECT_THROW(one_neuron(0, Activation::erf), base::Error);
}

}  // namespace
}  // namespace starling::students
