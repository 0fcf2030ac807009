#include "starling/systems/students/landscape.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <limits>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

constexpr Activation smooth[] = {
    Activation::erf, Activation::relu,  Activation::phi, Activation::gelu, Activation::quadratic,
    Activation::he2, Activation::cubic, Activation::sin, Activation::cos,  Activation::linear};

Neurons random_neurons(Index n, Index d, std::uint64_t index) {
  base::Stream stream(2, 0, "test neurons", index);
  Neurons out{base::Points<double>(n, d), base::Vector<double>(n)};
  stream.fill_normal(std::span<double>(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span<double>(out.a.data(), static_cast<std::size_t>(out.a.size())));
  out.w *= 0.7;
  return out;
}

TEST(Landscape, IsZeroAndFlatAtTheTeacher) {
  for (const Activation activation : smooth) {
    const Neurons teacher = random_neurons(4, 5, 1);
    const Landscape landscape(activation, teacher);
    EXPECT_NEAR(landscape.mean_squared_error(teacher), 0, 1e-12);
    const Neurons gradient = landscape.gradient(teacher);
    EXPECT_LT(gradient.w.cwiseAbs().maxCoeff() + gradient.a.cwiseAbs().maxCoeff(), 1e-12);
  }
}

TEST(Landscape, RefusesNumbersThatAreNotFiniteAndShapesThatDoNotFit) {
  const Landscape landscape(Activation::erf, random_neurons(4, 5, 1));
  Neurons student = random_neurons(2, 5, 2);
  student.w(1, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(landscape.mean_squared_error(student), base::Error);
  EXPECT_THROW(landscape.gradient(random_neurons(2, 4, 2)), base::Error);
  Neurons uneven = random_neurons(2, 5, 2);
  uneven.a.resize(3);
  EXPECT_THROW(landscape.gradient(uneven), base::Error);
  EXPECT_THROW(Landscape(Activation::erf, random_neurons(0, 5, 1)), base::Error);
}

TEST(Landscape, StartsTheReferenceTrajectoriesAtTheirPrintedLosses) {
  Neurons student{.w = base::Points<double>{{.3, .1, -.2, .05}, {-.1, .2, .25, -.1}},
                  .a = base::Vector<double>{{.5, -.4}}};
  const Landscape erf(Activation::erf, orthonormal_teacher(3, 4));
  EXPECT_NEAR(erf.mean_squared_error(student), 1.080352964641, 1e-12);
  student.a[1] = .4;
  const Landscape relu(Activation::relu, orthonormal_teacher(3, 4));
  EXPECT_NEAR(relu.mean_squared_error(student), 1.999273017567, 1e-12);
}

// At w_i = v_i with a fixed, ReLU: smallest eigenvalue 0.18169 for k = 5..8, largest as printed.
TEST(Landscape, OfReluHasThePrintedSpectrumAtItsTeacher) {
  const double largest[] = {3.5822, 4.1305, 4.6703, 5.2040};
  for (Index k = 5; k <= 8; ++k) {
    const Neurons teacher = orthonormal_teacher(k, k);
    const Curvature curvature(Landscape(Activation::relu, teacher), teacher);
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(curvature.matrix(Outgoing::fixed)).eigenvalues();
    EXPECT_NEAR(values[0], 0.18169, 1e-5) << "k = " << k;
    EXPECT_NEAR(values[values.size() - 1], largest[k - 5], 1e-4) << "k = " << k;
  }
}

TEST(Landscape, OfReluKeepsTheBalanceOfEachNeuron) {
  const Landscape l(Activation::relu, random_neurons(4, 5, 1));
  const Neurons student = random_neurons(3, 5, 2), slope = l.gradient(student);
  for (Index i = 0; i < 3; ++i)
    EXPECT_NEAR(student.w.row(i).dot(slope.w.row(i)), student.a[i] * slope.a[i], 1e-13);
}

TEST(Curvature, WithFixedOutgoingWeightsIsTheTopLeftOfTheWhole) {
  const Curvature curvature(Landscape(Activation::erf, random_neurons(4, 5, 1)), random_neurons(3, 5, 2));
  const Eigen::MatrixXd fixed = curvature.matrix(Outgoing::fixed);
  ASSERT_EQ(fixed.rows(), 15);
  EXPECT_EQ(fixed, curvature.matrix().topLeftCorner(15, 15));
}

}  // namespace
}  // namespace starling::students
