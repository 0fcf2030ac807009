#include "starling/systems/students/landscape.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

Neurons neurons(Index n, Index d, std::uint32_t task) {
  Neurons out{.w = base::Points<double>(n, d), .a = base::Vector<double>(n)};
  base::Stream stream(5, task, "students test");
  stream.fill_normal(std::span<double>(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span<double>(out.a.data(), static_cast<std::size_t>(out.a.size())));
  out.w *= 0.6;
  return out;
}

// Parameters in the order of the Hessian.
double& entry(Neurons& x, Index p) {
  return p < x.w.size() ? x.w.data()[p] : x.a.data()[p - x.w.size()];
}
Index size(const Neurons& x) {
  return x.w.size() + x.a.size();
}

// Fourth-order central difference of f along parameter p.
template <class F>
auto difference(const F& f, const Neurons& x, Index p) {
  constexpr double h = 2e-3;
  const auto at = [&](double shift) {
    Neurons moved = x;
    entry(moved, p) += shift;
    return f(moved);
  };
  return ((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
}

class EveryLandscape : public testing::TestWithParam<std::string> {
 protected:
  Landscape landscape() const { return {parse_activation(GetParam()), neurons(4, 5, 1)}; }
  Neurons student() const { return neurons(3, 5, 2); }
  // exp and cubic have large fifth derivatives here.
  double tolerance() const { return GetParam() == "exp" || GetParam() == "cubic" ? 1e-6 : 1e-8; }
};

TEST_P(EveryLandscape, HasTheGradientOfItsLoss) {
  const Landscape l = landscape();
  Neurons gradient = l.gradient(student());
  const double scale = 1 + gradient.w.norm();
  for (Index p = 0; p < size(gradient); ++p) {
    const double expected =
        difference([&](const Neurons& x) { return l.mean_squared_error(x); }, student(), p);
    EXPECT_NEAR(entry(gradient, p), expected, tolerance() * scale) << "parameter " << p;
  }
}

TEST_P(EveryLandscape, HasTheHessianOfItsLoss) {
  const Landscape l = landscape();
  const Eigen::MatrixXd hessian = Curvature(l, student()).matrix();
  const double scale = hessian.norm();
  EXPECT_NEAR((hessian - hessian.transpose()).norm(), 0, 1e-13 * scale);
  for (Index q = 0; q < hessian.cols(); ++q) {
    const Eigen::VectorXd column = difference(
        [&](const Neurons& x) -> Eigen::VectorXd {
          const Neurons g = l.gradient(x);
          Eigen::VectorXd flat(size(g));
          flat << Eigen::Map<const Eigen::VectorXd>(g.w.data(), g.w.size()), g.a;
          return flat;
        },
        student(), q);
    EXPECT_NEAR((hessian.col(q) - column).norm(), 0, tolerance() * scale) << "parameter " << q;
  }
}

TEST_P(EveryLandscape, MultipliesADirectionAsItsHessianDoes) {
  const Curvature curvature(landscape(), student());
  const Eigen::MatrixXd hessian = curvature.matrix();
  Neurons direction = neurons(3, 5, 3);
  Eigen::VectorXd flat(size(direction));
  for (Index p = 0; p < flat.size(); ++p) flat[p] = entry(direction, p);
  const Eigen::VectorXd expected = hessian * flat;
  Neurons product = curvature.times(direction);
  for (Index p = 0; p < flat.size(); ++p)
    EXPECT_NEAR(entry(product, p), expected[p], 1e-13 * (hessian.norm() * flat.norm()));
}

TEST_P(EveryLandscape, VanishesAtItsTeacher) {
  const Landscape l = landscape();
  const double power = std::abs(l.mean_squared_error({.w = l.teacher().w, .a = 0 * l.teacher().a}));
  EXPECT_NEAR(l.mean_squared_error(l.teacher()), 0, 1e-13 * (1 + power));
  EXPECT_NEAR(l.gradient(l.teacher()).w.norm(), 0, 1e-12 * (1 + power));
}

INSTANTIATE_TEST_SUITE_P(Landscape, EveryLandscape,
                         testing::ValuesIn(activation_names().begin(), activation_names().end()),
                         [](const auto& tested) { return tested.param; });

TEST(Landscape, StartsTheReferenceTrajectoriesAtTheirPrintedLosses) {
  Neurons student{.w = base::Points<double>{{.3, .1, -.2, .05}, {-.1, .2, .25, -.1}},
                  .a = base::Vector<double>{{.5, -.4}}};
  const Landscape erf(Activation::erf, orthonormal_teacher(3, 4));
  EXPECT_NEAR(erf.mean_squared_error(student), 1.080352964641, 1e-12);
  student.a[1] = .4;
  const Landscape relu(Activation::relu, orthonormal_teacher(3, 4));
  EXPECT_NEAR(relu.mean_squared_error(student), 1.999273017567, 1e-12);
}

TEST(Landscape, WithFixedOutgoingWeightsHasTheTopLeftOfTheHessian) {
  const Landscape l(Activation::erf, neurons(4, 5, 1));
  const Curvature curvature(l, neurons(3, 5, 2));
  const Eigen::MatrixXd fixed = curvature.matrix(Outgoing::fixed);
  ASSERT_EQ(fixed.rows(), 15);
  EXPECT_EQ(fixed, curvature.matrix().topLeftCorner(15, 15));
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
  const Landscape l(Activation::relu, neurons(4, 5, 1));
  const Neurons student = neurons(3, 5, 2), slope = l.gradient(student);
  for (Index i = 0; i < 3; ++i)
    EXPECT_NEAR(student.w.row(i).dot(slope.w.row(i)), student.a[i] * slope.a[i], 1e-13);
}

template <class Call>
std::string message(const Call& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Landscape, NamesWhatIsWrongWithAStudent) {
  const Landscape l(Activation::erf, orthonormal_teacher(3, 3));
  Neurons student = neurons(2, 3, 1);
  student.w(1, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message([&] { l.mean_squared_error(student); }),
            "w: value at row 1, column 2 is nan; expected finite numbers");
  student = neurons(2, 3, 1);
  student.a[0] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message([&] { l.gradient(student); }), "a: value at row 0 is inf; expected finite numbers");
  EXPECT_EQ(message([&] { l.gradient(neurons(2, 4, 1)); }),
            "w has 4 columns and v has 3; expected the same number of dimensions");
  student.a.resize(3);
  EXPECT_EQ(message([&] { l.gradient(student); }),
            "w has 2 rows and a has 3 entries; expected one entry for each row");
  EXPECT_EQ(message([] { Landscape(Activation::erf, orthonormal_teacher(0, 3)); }),
            "v: shape (0, 3); expected at least one neuron and one dimension");
}

}  // namespace
}  // namespace starling::students
