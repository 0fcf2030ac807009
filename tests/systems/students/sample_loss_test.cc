#include "starling/systems/students/sample_loss.h"

#include <gtest/gtest.h>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "systems/students/problem.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;
using base::Vector;
using testing::normal_table;
using testing::random_network;

constexpr Index samples = 300;  // one whole block and a part of one

SampleLoss problem(nets::Activation activation, Biases biases) {
  return {random_network(activation, 4, 3, 2, 1), biases, normal_table(samples, 3, 50),
          normal_table(samples, 2, 51)};
}

// The slow, obvious twin: one sample, one neuron, one output at a time.
double reference(const SampleLoss& loss, const Vector<double>& parameters) {
  const Network f = loss.network(parameters);
  double sum = 0;
  for (Index s = 0; s < loss.x().rows(); ++s) {
    for (Index q = 0; q < f.outputs(); ++q) {
      double answer = f.c[q];
      for (Index i = 0; i < f.neurons(); ++i) {
        Eigen::ArrayXd h(1);
        h[0] = f.w.row(i).dot(loss.x().row(s)) + f.bias[i];
        Points<double> one = f.w.row(i), x = loss.x().row(s);
        const Network neuron{f.activation, one, f.bias.segment(i, 1), Points<double>::Ones(1, 1),
                             Vector<double>::Zero(1)};
        answer += f.a(i, q) * activations(neuron, x)(0, 0);
      }
      sum += (answer - loss.y()(s, q)) * (answer - loss.y()(s, q));
    }
  }
  return sum / static_cast<double>(loss.x().rows());
}

TEST(SampleLoss, IsTheMeanSquaredErrorWithoutAHalf) {
  for (const nets::Activation activation : testing::all_activations) {
    const SampleLoss loss = problem(activation, Biases::free);
    const Vector<double> p = parameters_of(random_network(activation, 4, 3, 2, 2), Biases::free);
    const double expected = reference(loss, p);
    EXPECT_NEAR(loss.value(p), expected, 1e-12 * expected);
    EXPECT_NEAR(loss.at(p).value(), expected, 1e-12 * expected);
  }
}

TEST(SampleLoss, HasTheDerivativesThatCentralDifferencesGive) {
  for (const nets::Activation activation : testing::all_activations) {
    for (const Biases biases : {Biases::free, Biases::fixed}) {
      SCOPED_TRACE(static_cast<int>(activation));
      const SampleLoss loss = problem(activation, biases);
      const Vector<double> p = parameters_of(random_network(activation, 4, 3, 2, 2), biases);
      const SampleLoss::Point here = loss.at(p);
      ASSERT_EQ(p.size(), loss.parameter_count());
      const Eigen::MatrixXd matrix = here.matrix();
      ASSERT_EQ(matrix.rows(), p.size());
      constexpr double h = 1e-6;
      for (Index i = 0; i < p.size(); ++i) {
        const Vector<double> step = h * Vector<double>::Unit(p.size(), i);
        EXPECT_NEAR(here.gradient()[i], (loss.value(p + step) - loss.value(p - step)) / (2 * h),
                    1e-7 * (1 + std::abs(here.gradient()[i])));
        // ReLU's gradient jumps where a sample crosses the kink: no sample does within h of this point.
        const Vector<double> difference =
            (loss.at(p + step).gradient() - loss.at(p - step).gradient()) / (2 * h);
        const Vector<double> product = here.times(Vector<double>::Unit(p.size(), i));
        EXPECT_LT((product - difference).cwiseAbs().maxCoeff(), 2e-7 * (1 + product.cwiseAbs().maxCoeff()));
        EXPECT_LT((matrix.col(i) - product).cwiseAbs().maxCoeff(),
                  1e-13 * (1 + product.cwiseAbs().maxCoeff()));
      }
    }
  }
}

TEST(SampleLoss, GaussNewtonIsTheHessianOfThePerfectFitAndNeverNegative) {
  const SampleLoss blank = problem(nets::Activation::gelu, Biases::free);
  const Network truth = random_network(nets::Activation::gelu, 4, 3, 2, 3);
  const SampleLoss perfect(truth, Biases::free, blank.x(), outputs(truth, blank.x()));
  const Vector<double> p = parameters_of(truth, Biases::free);
  for (Index i = 0; i < p.size(); ++i) {
    const Vector<double> direction = normal_table(p.size(), 1, 60 + static_cast<std::uint64_t>(i));
    const SampleLoss::Point here = perfect.at(p);
    EXPECT_LT((here.times(direction) - here.times(direction, SecondOrder::gauss_newton)).norm(),
              1e-12 * here.times(direction).norm());
    EXPECT_GE(direction.dot(blank.at(p).times(direction, SecondOrder::gauss_newton)), 0);
  }
}

TEST(SampleLoss, GivesTheSameBytesForAnyNumberOfThreads) {
  const SampleLoss loss(random_network(nets::Activation::tanh, 4, 3, 2, 1), Biases::free,
                        normal_table(2000, 3, 50), normal_table(2000, 2, 51));
  const Vector<double> p = parameters_of(random_network(nets::Activation::tanh, 4, 3, 2, 2), Biases::free);
  const auto results = [&](int threads) {
    const base::ThreadLimit limit(threads);
    const SampleLoss::Point here = loss.at(p);
    Vector<double> all(1 + (2 + p.size()) * p.size());
    all << here.value(), here.gradient(), here.times(here.gradient()), here.matrix().reshaped();
    return all;
  };
  EXPECT_TRUE(results(1) == results(4));
}

TEST(SampleLoss, BestOutgoingWeightsHaveNoGradient) {
  for (const Biases biases : {Biases::free, Biases::fixed}) {
    const SampleLoss loss = problem(nets::Activation::tanh, biases);
    const Network best =
        with_best_outgoing(random_network(nets::Activation::tanh, 4, 3, 2, 2), biases, loss.x(), loss.y());
    const SampleLoss moved(best, biases, loss.x(), loss.y());
    const Network gradient = moved.network(moved.at(parameters_of(best, biases)).gradient());
    EXPECT_LT(gradient.a.cwiseAbs().maxCoeff(), 1e-13);
    if (biases == Biases::fixed) continue;
    EXPECT_LT(gradient.c.cwiseAbs().maxCoeff(), 1e-13);
  }
}

TEST(SampleLoss, BestOutgoingWeightsOfTwinNeuronsAreFinite) {
  Network twins = random_network(nets::Activation::tanh, 4, 3, 2, 2);
  twins.w.row(1) = twins.w.row(0);
  twins.bias[1] = twins.bias[0];
  const SampleLoss loss = problem(nets::Activation::tanh, Biases::free);
  const Network best = with_best_outgoing(twins, Biases::free, loss.x(), loss.y());
  EXPECT_LT(best.a.cwiseAbs().maxCoeff(), 10);
}

TEST(SampleLoss, RefusesWhatDoesNotFit) {
  const Network shape = random_network(nets::Activation::tanh, 4, 3, 2, 1);
  const auto make = [&](Index rows, Index columns, Index outputs) {
    return SampleLoss(shape, Biases::free, normal_table(rows, columns, 1), normal_table(5, outputs, 2));
  };
  EXPECT_THROW(make(5, 4, 2), base::Error);
  EXPECT_THROW(make(5, 3, 1), base::Error);
  EXPECT_THROW(make(4, 3, 2), base::Error);
  EXPECT_THROW(SampleLoss(shape, Biases::free, Points<double>(0, 3), Points<double>(0, 2)), base::Error);
}

}  // namespace
}  // namespace starling::students
