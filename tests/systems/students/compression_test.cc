#include "starling/systems/students/compression.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/systems/students/compression_starts.h"
#include "systems/students/problem.h"

namespace starling::students {
namespace {

using base::Index;
using base::Points;
using base::Vector;
using testing::normal_table;
using testing::random_network;

// Twice three neurons that are nearly the same, and two of their own: five suffice almost.
Network doubled(nets::Activation activation) {
  Network out = random_network(activation, 8, 6, 2, 1);
  for (Index i = 0; i < 3; ++i) {
    out.w.row(i + 3) = out.w.row(i) + 0.01 * normal_table(1, 6, 90 + static_cast<std::uint64_t>(i));
    out.bias[i + 3] = out.bias[i];
  }
  return out;
}

struct Compressed {
  explicit Compressed(nets::Activation activation)
      : teacher(doubled(activation)), x(normal_table(600, 6, 70)), y(outputs(teacher, x)) {}
  Target target() const { return {teacher, x, y}; }
  SampleLoss loss(const Network& shape) const { return {shape, Biases::free, x, y}; }
  Network teacher;
  Points<double> x, y;
};

TEST(Compression, EveryStartIsAStudentOfTheSizeAskedForWithItsBestOutgoingWeights) {
  const Compressed c(nets::Activation::tanh);
  for (const StartKind kind :
       {StartKind::merged, StartKind::copies, StartKind::clustered, StartKind::random}) {
    for (const Index n : {1, 5, 8}) {
      base::Stream stream(1, 0, "test", static_cast<std::uint64_t>(n));
      const Network start = make_start(kind, n, c.target(), stream);
      EXPECT_EQ(start.neurons(), n);
      const SampleLoss loss = c.loss(start);
      EXPECT_LT(loss.value(parameters_of(start, Biases::free)), variance_of(c.y) * (1 + 1e-12));
      EXPECT_LT(loss.network(loss.at(parameters_of(start, Biases::free)).gradient()).a.cwiseAbs().maxCoeff(),
                1e-9);
    }
  }
}

TEST(Compression, MergingFindsTheNeuronsThatAreTwins) {
  for (const nets::Activation activation : {nets::Activation::tanh, nets::Activation::gelu}) {
    const Compressed c(activation);
    base::Stream stream(1, 0, "test");
    const Network start = make_start(StartKind::merged, 5, c.target(), stream);
    const std::vector<Role> found = roles(neuron_correlations(start, c.teacher, c.x));
    int pairs = 0;
    for (const Role& role : found) {
      if (role.teachers.size() != 2) continue;
      EXPECT_EQ(std::abs(role.teachers[0] - role.teachers[1]), 3) << role.text();
      ++pairs;
    }
    EXPECT_EQ(pairs, 3);
    EXPECT_LT(c.loss(start).value(parameters_of(start, Biases::free)), 1e-3 * variance_of(c.y));
  }
}

TEST(Compression, MergesNeuronsOfOppositeSignWhereTheActivationIsOdd) {
  Compressed c(nets::Activation::tanh);
  c.teacher.w.row(3) *= -1;
  c.teacher.bias[3] *= -1;
  c.teacher.a.row(3) *= -1;
  base::Stream stream(1, 0, "test");
  for (const StartKind kind : {StartKind::merged, StartKind::clustered}) {
    const Network start = make_start(kind, 7, c.target(), stream);
    EXPECT_LT(c.loss(start).value(parameters_of(start, Biases::free)), 0.2 * variance_of(c.y));
  }
}

TEST(Compression, AllTeachersCopiedAreAPerfectStudent) {
  const Compressed c(nets::Activation::softplus);
  base::Stream stream(1, 0, "test");
  const Network start = make_start(StartKind::copies, 8, c.target(), stream);
  EXPECT_LT(c.loss(start).value(parameters_of(start, Biases::free)), 1e-12 * variance_of(c.y));
}

TEST(Compression, StartsRefuseSizesThatAreNoStudents) {
  const Compressed c(nets::Activation::tanh);
  base::Stream stream(1, 0, "test");
  EXPECT_THROW(make_start(StartKind::copies, 9, c.target(), stream), base::Error);
  EXPECT_THROW(make_start(StartKind::copies, 0, c.target(), stream), base::Error);
}

TEST(Compression, PolishingEndsAtAStationaryPointBelowItsStart) {
  for (const nets::Activation activation : {nets::Activation::tanh, nets::Activation::erf}) {
    const Compressed c(activation);
    base::Stream stream(1, 0, "test");
    const Network start = make_start(StartKind::merged, 4, c.target(), stream);
    const SampleLoss loss = c.loss(start);
    const Fit fit = polish(loss, parameters_of(start, Biases::free), {.steps = 500, .tolerance = 1e-9});
    EXPECT_TRUE(fit.converged);
    EXPECT_TRUE(fit.is_minimum);
    EXPECT_LE(loss.at(fit.parameters).gradient().cwiseAbs().maxCoeff(), 1e-9 * variance_of(c.y));
    EXPECT_NEAR(fit.loss, loss.value(fit.parameters), 1e-12);
    EXPECT_LT(fit.loss, fit.losses.front());
    EXPECT_EQ(static_cast<std::int64_t>(fit.losses.size()), fit.steps + 1);
    EXPECT_GT(fit.passes, fit.steps);
  }
}

TEST(Compression, PolishingLeavesTheSaddleThatTwinsOfASmallerOptimumAre) {
  const Compressed c(nets::Activation::tanh);
  base::Stream stream(1, 0, "test");
  const SampleLoss one = c.loss(make_start(StartKind::merged, 1, c.target(), stream));
  const PolishSpec spec{.steps = 500, .tolerance = 1e-9};
  const Fit small = polish(one, parameters_of(one.shape(), Biases::free), spec);
  ASSERT_TRUE(small.is_minimum);
  const Network neuron = one.network(small.parameters);
  const Network twins{neuron.activation, neuron.w.replicate(2, 1), neuron.bias.replicate(2, 1),
                      0.5 * neuron.a.replicate(2, 1), neuron.c};
  const SampleLoss two = c.loss(twins);
  const Vector<double> start = parameters_of(twins, Biases::free);
  ASSERT_LT(two.at(start).gradient().cwiseAbs().maxCoeff(), 1e-8 * variance_of(c.y));
  const Fit fit = polish(two, start, spec);
  EXPECT_TRUE(fit.is_minimum);
  EXPECT_LT(fit.loss, 0.99 * small.loss);
}

TEST(Compression, WatchMayStopAFit) {
  const Compressed c(nets::Activation::tanh);
  const SampleLoss loss = c.loss(random_network(nets::Activation::tanh, 2, 6, 2, 5));
  const auto stop = [](double) { throw base::Error(base::ErrorKind::interrupted, "stop"); };
  const base::Vector<double> start = parameters_of(loss.shape(), Biases::free);
  EXPECT_THROW(polish(loss, start, {}, stop), base::Error);
  EXPECT_THROW(adamw(loss, start, {.steps = 3}, {}, stop), base::Error);
}

TEST(Compression, FitsThatAnswerAlikeAreOneOptimum) {
  const Compressed c(nets::Activation::tanh);
  const SampleLoss loss = c.loss(random_network(nets::Activation::tanh, 2, 6, 2, 5));
  const Network one = loss.shape(), other = random_network(nets::Activation::tanh, 2, 6, 2, 6);
  Network exchanged = one;  // the same function: neurons exchanged, one with all its signs changed
  exchanged.w.row(0) = one.w.row(1);
  exchanged.w.row(1) = -one.w.row(0);
  exchanged.bias << one.bias[1], -one.bias[0];
  exchanged.a.row(0) = one.a.row(1);
  exchanged.a.row(1) = -one.a.row(0);
  std::vector<Fit> fits;
  for (const Network& network : {one, other, exchanged}) {
    const base::Vector<double> p = parameters_of(network, Biases::free);
    fits.push_back({.parameters = p, .loss = loss.value(p)});
  }
  const std::vector<LocalOptimum> found = distinct_optima(loss, fits);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_LT(found[0].loss, found[1].loss);
  EXPECT_EQ(found[0].distance, 0);
  EXPECT_NEAR(found[1].distance, (outputs(one, c.x) - outputs(other, c.x)).squaredNorm() / 600, 1e-12);
  EXPECT_EQ(found[0].fits.size() + found[1].fits.size(), 3U);
}

TEST(Compression, RolesGiveEachTeacherToTheNeuronItCorrelatesWith) {
  Points<double> overlap(3, 4);
  overlap << 0.9, 0.2, 0.6, 0.1,  //
      0.1, 0.95, 0.4, 0.2,        //
      0.3, 0.1, 0.2, 0.4;
  const std::vector<Role> found = roles(overlap);
  EXPECT_EQ(found[0].text(), "averages 0, 2");
  EXPECT_EQ(found[1].text(), "copies 1");
  EXPECT_EQ(found[2].text(), "stands for none");  // teacher 3 correlates with nobody
}

TEST(Compression, ANeuronThatIsConstantCorrelatesWithNothing) {
  Network silent = random_network(nets::Activation::tanh, 2, 6, 2, 5);
  silent.w.row(0).setZero();
  const Points<double> overlap = neuron_correlations(silent, silent, normal_table(50, 6, 1));
  EXPECT_EQ(overlap(0, 0), 0);
  EXPECT_NEAR(overlap(1, 1), 1, 1e-12);
}

}  // namespace
}  // namespace starling::students
