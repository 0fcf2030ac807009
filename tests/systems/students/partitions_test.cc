#include "starling/systems/students/partitions.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <string>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/students/curvature.h"

namespace starling::students {
namespace {

using base::Index;

struct Average {
  std::vector<Index> groups;
  Index d;
  double loss;
  Index index;
  double smallest, largest;
};

TEST(CopyAverage, ReproducesThePrintedHessians) {
  const Average printed[] = {{{3}, 4, 0.040593177314, 0, 0.003847, 9.684754},
                             {{1, 2}, 4, 0.023221680625, 0, 0.007535, 4.733221},
                             {{1, 3}, 5, 0.040593177314, 0, 0.003039, 10.476350},
                             {{2, 2}, 5, 0.046443361251, 2, -0.008493, 7.764707},
                             {{1, 4}, 6, 0.056754527741, 0, 0.001431, 18.759479},
                             {{2, 3}, 6, 0.063814857939, 1, -0.060805, 13.501564},
                             {{1, 1, 1, 2}, 6, 0.023221680625, 0, 0.004535, 6.002285},
                             {{1, 2, 2}, 6, 0.046443361251, 2, -0.020442, 8.556318},
                             {{2, 2, 2}, 7, 0.069665041876, 3, -0.051394, 11.584426},
                             {{1, 2, 3}, 7, 0.063814857939, 1, -0.065012, 14.294441},
                             {{1, 1, 1, 1, 4}, 9, 0.056754527741, 0, 0.001029, 20.665636}};
  for (const Average& row : printed) {
    const CopyAverage found = copy_average(row.groups, row.d, Activation::erf);
    const std::string label = "sizes " + testing::PrintToString(row.groups);
    EXPECT_NEAR(found.loss, row.loss, 1e-11) << label;
    EXPECT_EQ(found.index, row.index) << label;
    EXPECT_NEAR(found.eigenvalues[0], row.smallest, 1e-6) << label;
    EXPECT_NEAR(found.eigenvalues[found.eigenvalues.size() - 1], row.largest, 1e-6) << label;
  }
}

TEST(CopyAverage, IsCriticalWhereOrthogonalNeuronsDoNotInteract) {
  const std::vector<Index> groups{1, 2, 3};
  for (const Activation activation : {Activation::erf, Activation::sin}) {
    const Neurons student = copy_average(groups, 7, activation).student;
    const Neurons slope = Landscape(activation, orthonormal_teacher(6, 7)).gradient(student);
    EXPECT_NEAR(slope.w.norm() + slope.a.norm(), 0, 1e-13);
  }
}

TEST(CopyAverage, RefusesWhatIsNoPartition) {
  EXPECT_THROW(copy_average({}, 3, Activation::erf), base::Error);
  EXPECT_THROW(copy_average(std::vector<Index>{1, 0}, 3, Activation::erf), base::Error);
  EXPECT_THROW(copy_average(std::vector<Index>{2, 2}, 3, Activation::erf), base::Error);
  EXPECT_THROW(copy_average(std::vector<Index>{1, 2}, 3, Activation::gelu), base::Error);
}

struct Perturbed {
  Index n, k;
  double loss, average;
  double smallest;
  Index index;
};

TEST(PerturbedCopy, ReproducesThePrintedLossesAndIndices) {
  const Perturbed printed[] = {{2, 3, 0.025963793895, 0.023221680625, -0.02390, 1},
                               {3, 4, 0.024733784856, 0.023221680625, -0.00086, 2},
                               {4, 5, 0.023381767507, 0.023221680625, 0.00330, 0},
                               {5, 6, 0.022280601269, 0.023221680625, 0.00405, 0},
                               {6, 7, 0.021409033291, 0.023221680625, 0.00415, 0},
                               {7, 8, 0.020712976821, 0.023221680625, 0.00407, 0},
                               {5, 7, 0.042605129747, 0.040593177314, 0.00160, 0},
                               {6, 8, 0.041364548462, 0.040593177314, 0.00218, 0},
                               {8, 10, 0.039422921246, 0.040593177314, 0.00259, 0},
                               {9, 10, 0.019682157473, 0.023221680625, 0.00380, 0}};
  for (const Perturbed& row : printed) {
    const PerturbedCopy found = perturbed_copy(row.n, row.k, row.k, Activation::erf);
    const std::string label = "n = " + std::to_string(row.n) + ", k = " + std::to_string(row.k);
    EXPECT_NEAR(found.loss, row.loss, 1e-11) << label;
    EXPECT_NEAR(found.lambda_min, row.smallest, 1e-5) << label;
    EXPECT_EQ(found.index, row.index) << label;
    std::vector<Index> groups(static_cast<std::size_t>(row.n), 1);
    groups.back() = row.k - row.n + 1;
    EXPECT_NEAR(copy_average(groups, row.k, Activation::erf).loss, row.average, 1e-11) << label;
  }
}

TEST(PerturbedCopy, HasThePrintedFourNumbers) {
  const double printed[][6] = {
      {2, 3, .65385, -.06791, .28560, 1.49679}, {3, 4, .76143, -.04607, .21724, 1.35758},
      {4, 5, .82125, -.03051, .17809, 1.27216}, {5, 6, .85912, -.02121, .15157, 1.21625},
      {6, 7, .88502, -.01542, .13210, 1.17753}, {7, 8, .90373, -.01162, .11711, 1.14934},
      {6, 8, .79769, -.02583, .10957, 1.36909}, {8, 10, .85051, -.01573, .09125, 1.26330},
      {9, 10, .92875, -.00716, .09546, 1.11137}};
  for (const auto& [n, k, alpha, beta, gamma, a] : printed) {
    const Index teachers = static_cast<Index>(k);
    const PerturbedCopy found = perturbed_copy(static_cast<Index>(n), teachers, teachers, Activation::erf);
    EXPECT_NEAR(found.alpha, alpha, 6e-6) << "n = " << n;
    EXPECT_NEAR(found.beta, beta, 6e-6) << "n = " << n;
    EXPECT_NEAR(found.gamma, gamma, 6e-6) << "n = " << n;
    EXPECT_NEAR(found.a, a, 6e-6) << "n = " << n;
  }
}

TEST(PerturbedCopy, HasTheIndexAndSmallestEigenvalueOfTheFullHessian) {
  for (const Index d : {5, 7}) {
    const PerturbedCopy found = perturbed_copy(3, 5, d, Activation::erf);
    const Landscape landscape(Activation::erf, orthonormal_teacher(5, d));
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Curvature(landscape, found.student).matrix())
            .eigenvalues();
    EXPECT_NEAR(found.lambda_min, values[0], 1e-12);
    EXPECT_EQ(found.index, (values.array() < -1e-8 * values[values.size() - 1]).count());
    const Neurons slope = landscape.gradient(found.student);
    EXPECT_NEAR(slope.w.norm() + slope.a.norm(), 0, 1e-12);
  }
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

TEST(PerturbedCopy, RefusesMoreStudentsThanTeachers) {
  EXPECT_THROW(perturbed_copy(4, 3, 3, Activation::erf), base::Error);
  EXPECT_THROW(perturbed_copy(0, 3, 3, Activation::erf), base::Error);
  EXPECT_THROW(perturbed_copy(2, 3, 2, Activation::erf), base::Error);
}

TEST(Thresholds, AreThePrintedOnes) {
  const Index printed[][4] = {{10, 6, 8, 9}, {50, 22, 38, 45}};
  for (const auto& [k, minimum, below, saddle] : printed) {
    const Thresholds found = thresholds(k);
    EXPECT_EQ(found.pc_minimum_from, minimum) << "k = " << k;
    EXPECT_EQ(found.pc_below_ca_from, below) << "k = " << k;
    EXPECT_EQ(found.ca_saddle_from, saddle) << "k = " << k;
  }
  const Thresholds twenty = thresholds(20);
  EXPECT_EQ(twenty.pc_below_ca_from, 15);
  EXPECT_EQ(twenty.ca_saddle_from, 18);
}

TEST(Thresholds, FindTheFirstUnstableAverageOfEachSize) {
  const Index printed[][2] = {{7, 6}, {14, 12}, {23, 20}, {36, 32}};
  for (const auto& [k, n] : printed) EXPECT_EQ(thresholds(k).ca_saddle_from, n) << "k = " << k;
  EXPECT_FALSE(thresholds(6).ca_saddle_from);
}

TEST(Thresholds, AreAbsentWhereNothingChanges) {
  const Thresholds found = thresholds(3);
  EXPECT_FALSE(found.pc_minimum_from || found.pc_below_ca_from || found.ca_saddle_from);
  EXPECT_THROW(thresholds(0), base::Error);
}

}  // namespace
}  // namespace starling::students
