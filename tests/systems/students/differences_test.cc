#include <gtest/gtest.h>

#include <string>

#include "starling/base/random.h"
#include "starling/systems/students/curvature.h"

namespace starling::students {
namespace {

using base::Index;

enum class Biases { none, hidden, output, both };

Neurons random_neurons(Index n, Index d, std::uint64_t index, Biases biases) {
  base::Stream stream(2, 0, "test neurons", index);
  Neurons out{.w = base::Points<double>(n, d), .a = base::Vector<double>(n)};
  stream.fill_normal(std::span<double>(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span<double>(out.a.data(), static_cast<std::size_t>(out.a.size())));
  out.w *= 0.7;
  if (biases == Biases::hidden || biases == Biases::both) {
    out.bias.resize(n);
    stream.fill_normal(std::span<double>(out.bias.data(), static_cast<std::size_t>(n)));
  }
  if (biases == Biases::output || biases == Biases::both) out.output = stream.normal();
  return out;
}

// All parameters in the Hessian's order.
Eigen::VectorXd flat(const Neurons& x) {
  const Index outputs = x.output ? 1 : 0;
  Eigen::VectorXd out(x.w.size() + x.a.size() + x.bias.size() + outputs);
  out << Eigen::Map<const Eigen::VectorXd>(x.w.data(), x.w.size()), x.a, x.bias,
      Eigen::VectorXd::Constant(outputs, x.output.value_or(0));
  return out;
}

Neurons moved(Neurons x, Index p, double by) {
  if (p < x.w.size()) {
    x.w.data()[p] += by;
  } else if ((p -= x.w.size()) < x.a.size()) {
    x.a[p] += by;
  } else if ((p -= x.a.size()) < x.bias.size()) {
    x.bias[p] += by;
  } else {
    *x.output += by;
  }
  return x;
}

// Fourth order: the error is h⁴ f⁽⁵⁾/30.
template <class F>
auto difference(F f, const Neurons& at, Index p) {
  constexpr double h = 1e-3;
  const auto near = (f(moved(at, p, h)) - f(moved(at, p, -h))).eval();
  const auto far = (f(moved(at, p, 2 * h)) - f(moved(at, p, -2 * h))).eval();
  return ((8 * near - far) / (12 * h)).eval();
}

void expect_the_differences(const Landscape& landscape, const Neurons& student) {
  const Eigen::VectorXd gradient = flat(landscape.gradient(student));
  const Eigen::MatrixXd hessian = Curvature(landscape, student).matrix();
  const auto loss = [&](const Neurons& x) {
    return Eigen::Matrix<double, 1, 1>::Constant(landscape.mean_squared_error(x));
  };
  const auto slope = [&](const Neurons& x) { return flat(landscape.gradient(x)); };
  ASSERT_EQ(hessian.rows(), gradient.size());
  for (Index p = 0; p < gradient.size(); ++p) {
    EXPECT_NEAR(gradient[p], difference(loss, student, p)[0], 1e-8 * gradient.norm()) << "parameter " << p;
    EXPECT_LT((hessian.col(p) - difference(slope, student, p)).norm(), 1e-8 * hessian.norm())
        << "column " << p;
  }
  EXPECT_LT((hessian - hessian.transpose()).cwiseAbs().maxCoeff(), 1e-12 * hessian.cwiseAbs().maxCoeff());
}

TEST(Landscape, HasTheGradientAndHessianOfFourthOrderDifferences) {
  for (const std::string& name : activation_names()) {
    for (const Biases biases : {Biases::none, Biases::hidden, Biases::both}) {
      SCOPED_TRACE(name + " with biases " + std::to_string(static_cast<int>(biases)));
      const Landscape landscape(parse_activation(name), random_neurons(4, 5, 1, biases));
      expect_the_differences(landscape, random_neurons(3, 5, 2, biases));
    }
  }
}

TEST(Landscape, LetsEitherSideAloneHaveBiases) {
  for (const Activation activation : {Activation::erf, Activation::relu, Activation::tanh}) {
    for (const auto& [teacher, student] : {std::pair{Biases::none, Biases::both},
                                           {Biases::both, Biases::none},
                                           {Biases::hidden, Biases::output},
                                           {Biases::output, Biases::hidden}}) {
      const Landscape landscape(activation, random_neurons(4, 5, 1, teacher));
      expect_the_differences(landscape, random_neurons(1, 5, 2, student));
    }
  }
}

TEST(Landscape, WithZeroBiasesIsTheOneWithout) {
  for (const std::string& name : activation_names()) {
    const Landscape landscape(parse_activation(name), random_neurons(4, 5, 1, Biases::none));
    const Neurons without = random_neurons(3, 5, 2, Biases::none);
    Neurons with = without;
    with.bias = base::Vector<double>::Zero(3);
    with.output = 0;
    const double loss = landscape.mean_squared_error(without);
    EXPECT_NEAR(landscape.mean_squared_error(with), loss, 1e-12 * (1 + loss)) << name;
    const Eigen::MatrixXd hessian = Curvature(landscape, without).matrix();
    const Eigen::MatrixXd corner = Curvature(landscape, with).matrix().topLeftCorner(18, 18);
    EXPECT_LT((corner - hessian).norm(), 2e-11 * hessian.norm()) << name;
  }
}

TEST(Curvature, TimesADirectionIsTheMatrixTimesIt) {
  for (const std::string& name : activation_names()) {
    for (const Biases biases : {Biases::none, Biases::hidden, Biases::output, Biases::both}) {
      const Landscape landscape(parse_activation(name), random_neurons(4, 5, 1, Biases::both));
      const Curvature curvature(landscape, random_neurons(3, 5, 2, biases));
      const Neurons direction = random_neurons(3, 5, 3, biases);
      const Eigen::VectorXd expected = curvature.matrix() * flat(direction);
      EXPECT_LT((flat(curvature.times(direction)) - expected).norm(), 1e-11 * expected.norm())
          << name << " with biases " << static_cast<int>(biases);
    }
  }
}

TEST(Curvature, WithFixedOutgoingWeightsIsThatOfIncomingWeightsAndBiases) {
  const Landscape landscape(Activation::erf, random_neurons(4, 5, 1, Biases::both));
  const Curvature curvature(landscape, random_neurons(3, 5, 2, Biases::both));
  const Eigen::MatrixXd whole = curvature.matrix(), fixed = curvature.matrix(Outgoing::fixed);
  ASSERT_EQ(fixed.rows(), 18);
  EXPECT_EQ(fixed.topLeftCorner(15, 15), whole.topLeftCorner(15, 15));
  EXPECT_EQ(fixed.bottomRightCorner(3, 3), whole.block(18, 18, 3, 3));
  EXPECT_EQ(fixed.topRightCorner(15, 3), whole.block(0, 18, 15, 3));
}

// The teacher itself: loss and slope vanish, and the Hessian is 2 E[∇f ∇f'], never negative.
TEST(Landscape, IsZeroAndFlatAtABiasedTeacher) {
  for (const std::string& name : activation_names()) {
    const Neurons teacher = random_neurons(3, 5, 1, Biases::both);
    const Landscape landscape(parse_activation(name), teacher);
    const double scale = Curvature(landscape, teacher).matrix().norm();
    EXPECT_NEAR(landscape.mean_squared_error(teacher), 0, 1e-13 * scale) << name;
    EXPECT_LT(flat(landscape.gradient(teacher)).norm(), 1e-12 * scale) << name;
  }
}

}  // namespace
}  // namespace starling::students
