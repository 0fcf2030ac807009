#include "starling/systems/students/partitions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "starling/base/error.h"

namespace starling::students {
namespace {

using base::Index;

// Şimşek et al., arXiv:2311.01644: losses from their closed form; spectra from an independent program, d = k
// + 1.
TEST(CopyAverage, HasTheLossIndexAndSpectrumOfTheTable) {
  struct Row {
    std::vector<Index> groups;
    double loss;
    Index index;
    double lowest, highest;
  };
  const std::vector<Row> rows = {{{3}, 0.040593177314, 0, 0.003847, 9.684754},
                                 {{1, 2}, 0.023221680625, 0, 0.007535, 4.733221},
                                 {{1, 3}, 0.040593177314, 0, 0.003039, 10.476350},
                                 {{2, 2}, 0.046443361251, 2, -0.008493, 7.764707},
                                 {{1, 4}, 0.056754527741, 0, 0.001431, 18.759479},
                                 {{2, 3}, 0.063814857939, 1, -0.060805, 13.501564},
                                 {{1, 1, 1, 2}, 0.023221680625, 0, 0.004535, 6.002285},
                                 {{1, 2, 2}, 0.046443361251, 2, -0.020442, 8.556318},
                                 {{2, 2, 2}, 0.069665041876, 3, -0.051394, 11.584426},
                                 {{1, 2, 3}, 0.063814857939, 1, -0.065012, 14.294441},
                                 {{1, 1, 1, 1, 4}, 0.056754527741, 0, 0.001029, 20.665636}};
  for (const Row& row : rows) {
    Index k = 0;
    for (const Index m : row.groups) k += m;
    const CopyAverage point = copy_average(row.groups, k + 1, Activation::erf);
    SCOPED_TRACE(::testing::Message() << "k " << k << ", groups " << row.groups.size());
    EXPECT_NEAR(point.loss, row.loss, 1e-12);
    EXPECT_EQ(point.index, row.index);
    EXPECT_NEAR(point.eigenvalues.minCoeff(), row.lowest, 6e-7);
    EXPECT_NEAR(point.eigenvalues.maxCoeff(), row.highest, 6e-7);
    const Neurons gradient =
        Landscape(Activation::erf, orthonormal_teacher(k, k + 1)).gradient(point.student);
    EXPECT_LT(gradient.w.cwiseAbs().maxCoeff() + gradient.a.cwiseAbs().maxCoeff(), 1e-13);
  }
}

TEST(PerturbedCopy, HasTheLossAndCurvatureOfTheTable) {
  struct Row {
    Index n, k;
    double loss, lambda_min;
    Index index;
    double alpha, beta, gamma, a;
  };
  const std::vector<Row> rows = {{2, 3, 0.025963793895, -0.02390, 1, 0.65385, -0.06791, 0.28560, 1.49679},
                                 {3, 4, 0.024733784856, -0.00086, 2, 0.76143, -0.04607, 0.21724, 1.35758},
                                 {4, 5, 0.023381767507, 0.00330, 0, 0.82125, -0.03051, 0.17809, 1.27216},
                                 {5, 6, 0.022280601269, 0.00405, 0, 0.85912, -0.02121, 0.15157, 1.21625},
                                 {6, 7, 0.021409033291, 0.00415, 0, 0.88502, -0.01542, 0.13210, 1.17753},
                                 {7, 8, 0.020712976821, 0.00407, 0, 0.90373, -0.01162, 0.11711, 1.14934},
                                 {6, 8, 0.041364548462, 0.00218, 0, 0.79769, -0.02583, 0.10957, 1.36909},
                                 {8, 10, 0.039422921246, 0.00259, 0, 0.85051, -0.01573, 0.09125, 1.26330},
                                 {9, 10, 0.019682157473, 0.00380, 0, 0.92875, -0.00716, 0.09546, 1.11137}};
  for (const Row& row : rows) {
    const PerturbedCopy point = perturbed_copy(row.n, row.k, row.k, Activation::erf);
    SCOPED_TRACE(::testing::Message() << "n " << row.n << ", k " << row.k);
    EXPECT_NEAR(point.loss, row.loss, 1e-12);
    EXPECT_NEAR(point.lambda_min, row.lambda_min, 6e-6);
    EXPECT_EQ(point.index, row.index);
    EXPECT_NEAR(point.alpha, row.alpha, 6e-6);
    EXPECT_NEAR(point.beta, row.beta, 6e-6);
    EXPECT_NEAR(point.gamma, row.gamma, 6e-6);
    EXPECT_NEAR(point.a, row.a, 6e-6);
  }
}

TEST(Thresholds, AreThoseOfTenTwentyAndFiftyTeachers) {
  const Thresholds ten = thresholds(10), twenty = thresholds(20), fifty = thresholds(50);
  EXPECT_EQ(ten.pc_minimum_from, 6);
  EXPECT_EQ(ten.pc_below_ca_from, 8);
  EXPECT_EQ(ten.ca_saddle_from, 9);
  EXPECT_EQ(twenty.pc_below_ca_from, 15);
  EXPECT_EQ(twenty.ca_saddle_from, 18);
  EXPECT_EQ(fifty.pc_minimum_from, 22);
  EXPECT_EQ(fifty.pc_below_ca_from, 38);
  EXPECT_EQ(fifty.ca_saddle_from, 45);
}

TEST(Partitions, RefuseWhatCannotBe) {
  EXPECT_THROW(copy_average({}, 3, Activation::erf), base::Error);
  EXPECT_THROW(copy_average(std::vector<Index>{2, 0}, 3, Activation::erf), base::Error);
  EXPECT_THROW(copy_average(std::vector<Index>{2, 2}, 3, Activation::erf), base::Error);
  EXPECT_THROW(perturbed_copy(4, 3, 3, Activation::erf), base::Error);
  EXPECT_THROW(perturbed_copy(0, 3, 3, Activation::erf), base::Error);
  EXPECT_THROW(thresholds(0), base::Error);
}

// The losses are those of a search that knew of no symmetry.
TEST(PerturbedCopy, OfReluIsTheMinimumThatASearchFinds) {
  const double printed[][3] = {
      {3, 4, 0.1394858611}, {3, 5, 0.3353901507}, {4, 5, 0.1295224718}, {4, 6, 0.3023164622}};
  for (const auto& [n, k, loss] : printed) {
    const Index teachers = static_cast<Index>(k);
    const PerturbedCopy found = perturbed_copy(static_cast<Index>(n), teachers, teachers, Activation::relu);
    EXPECT_NEAR(found.loss, loss, 1e-9) << "n = " << n;
    EXPECT_EQ(found.index, 0) << "n = " << n;
  }
}

// Where few students stand for many teachers a is large, and it is a critical point all the same.
TEST(PerturbedCopy, ExistsForFewErfStudentsOfManyTeachers) {
  for (const Index n : {3, 5, 8, 15}) {
    const PerturbedCopy found = perturbed_copy(n, 50, 50, Activation::erf);
    const Neurons slope = Landscape(Activation::erf, orthonormal_teacher(50, 50)).gradient(found.student);
    EXPECT_LT(slope.w.cwiseAbs().maxCoeff() + slope.a.cwiseAbs().maxCoeff(), 1e-11) << n;
    EXPECT_LT(found.lambda_min, 0) << n;
  }
  EXPECT_NEAR(perturbed_copy(5, 50, 50, Activation::erf).a, 26.83, 0.01);
}

TEST(PerturbedCopy, IsFollowedForSmoothActivations) {
  for (const Activation activation :
       {Activation::tanh, Activation::softplus, Activation::gelu, Activation::silu}) {
    const PerturbedCopy found = perturbed_copy(6, 8, 8, activation);
    const Neurons slope = Landscape(activation, orthonormal_teacher(8, 8)).gradient(found.student);
    EXPECT_LT(slope.w.cwiseAbs().maxCoeff() + slope.a.cwiseAbs().maxCoeff(), 1e-10);
  }
}

TEST(PerturbedCopy, SaysWhereGelusWeightsRunAway) {
  try {
    perturbed_copy(4, 8, 8, Activation::gelu);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::numerical);
    EXPECT_NE(std::string(error.what()).find("the loss falls while the weights grow"), std::string::npos);
  }
}

TEST(Thresholds, FindTheFirstUnstableAverageOfEachSize) {
  const Index printed[][2] = {{7, 6}, {14, 12}, {23, 20}, {36, 32}};
  for (const auto& [k, n] : printed) EXPECT_EQ(thresholds(k).ca_saddle_from, n) << "k = " << k;
  EXPECT_FALSE(thresholds(6).ca_saddle_from);
}

// On each side of every threshold the index is exact, and the number of neurons costs nothing.
TEST(Thresholds, OfTenThousandTeachersSeparateTheIndices) {
  constexpr Index k = 10000;
  const Thresholds found = thresholds(k);
  ASSERT_TRUE(found.pc_minimum_from && found.pc_below_ca_from && found.ca_saddle_from);
  const Index n = *found.pc_minimum_from, saddle = *found.ca_saddle_from;
  EXPECT_EQ(perturbed_copy_numbers(n, k, k, Activation::erf).index, 0);
  EXPECT_EQ(perturbed_copy_numbers(n - 1, k, k, Activation::erf).index,
            n - 2);  // one standard representation
  EXPECT_EQ(best_copy_average_index(saddle - 1, k, k), 0);
  EXPECT_GT(best_copy_average_index(saddle, k, k), 0);
  RecordProperty("minimum from", static_cast<int>(n));
  RecordProperty("below from", static_cast<int>(*found.pc_below_ca_from));
  RecordProperty("saddle from", static_cast<int>(saddle));
}

TEST(Thresholds, AreAbsentWhereNothingChanges) {
  const Thresholds found = thresholds(3);
  EXPECT_FALSE(found.pc_minimum_from || found.pc_below_ca_from || found.ca_saddle_from);
  EXPECT_THROW(thresholds(0), base::Error);
}

}  // namespace
}  // namespace starling::students
