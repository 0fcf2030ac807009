#include "starling/systems/students/settling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/flows/ode.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/lane_flow.h"
#include "starling/systems/students/partitions.h"
#include "starling/systems/students/revival.h"
#include "starling/systems/students/starts.h"

namespace starling::students {
namespace {

using base::Index;

constexpr Activation coded[] = {Activation::erf, Activation::phi, Activation::relu};

Neurons random_start(Index n, Index d, std::uint64_t index) {
  base::Stream stream(3, 0, "test neurons", index);
  Neurons out{base::Points<double>(n, d), base::Vector<double>(n)};
  stream.fill_normal(std::span(out.w.data(), static_cast<std::size_t>(out.w.size())));
  stream.fill_normal(std::span(out.a.data(), static_cast<std::size_t>(out.a.size())));
  return out;
}

std::vector<double> flat(const Neurons& neurons) {
  std::vector<double> out(neurons.w.data(), neurons.w.data() + neurons.w.size());
  out.insert(out.end(), neurons.a.data(), neurons.a.data() + neurons.a.size());
  return out;
}

Neurons shaped(const double* numbers, Index n, Index d) {
  return {Eigen::Map<const base::Points<double>>(numbers, n, d),
          Eigen::Map<const base::Vector<double>>(numbers + n * d, n)};
}

std::vector<Neurons> starts_of(const Landscape& landscape, Index n, std::size_t count, Outgoing outgoing) {
  std::vector<Neurons> out;
  for (std::size_t s = 0; s < count; ++s) out.push_back(start(landscape, n, outgoing, 11, s));
  return out;
}

TEST(LaneLandscape, HasTheGradientAndTheHessianOfTheLandscape) {
  for (const Activation activation : coded) {
    for (const auto [n, k, d, count] : {std::array{1, 1, 1, 1}, {2, 3, 4, 7}, {4, 2, 3, 17}, {5, 6, 9, 8}}) {
      for (const Outgoing outgoing : {Outgoing::free, Outgoing::fixed}) {
        const Landscape landscape(activation, random_start(k, d, 100));
        const LaneProblem problem = lane_problem(landscape, n, outgoing);
        std::vector<double> students;
        for (int s = 0; s < count; ++s) {
          const std::vector<double> one = flat(random_start(n, d, static_cast<std::uint64_t>(s)));
          students.insert(students.end(), one.begin(), one.end());
        }
        const Index width = n * (d + 1), size = problem.parameters();
        std::vector<double> gradients(students.size(), -1),
            hessians(static_cast<std::size_t>(count * size * size));
        batch_gradient(problem, students, gradients);
        batch_hessian(problem, students, hessians);
        for (int s = 0; s < count; ++s) {
          const Neurons student = shaped(students.data() + s * width, n, d);
          Neurons expected = landscape.gradient(student);
          if (outgoing == Outgoing::fixed) expected.a.setZero();
          const Neurons found = shaped(gradients.data() + s * width, n, d);
          const double scale = 1 + expected.w.cwiseAbs().maxCoeff();
          EXPECT_LT((found.w - expected.w).cwiseAbs().maxCoeff(), 1e-13 * scale);
          EXPECT_LT((found.a - expected.a).cwiseAbs().maxCoeff(), 1e-13 * scale);
          const Eigen::MatrixXd matrix = Curvature(landscape, student).matrix(outgoing);
          const Eigen::Map<const Eigen::MatrixXd> packed(hessians.data() + s * size * size, size, size);
          EXPECT_LT((packed - matrix).cwiseAbs().maxCoeff(), 1e-12 * (1 + matrix.cwiseAbs().maxCoeff()));
        }
      }
    }
  }
}

TEST(LaneLandscape, IsAccurateForReluNeuronsThatNearlyAlign) {
  const Landscape landscape(Activation::relu, orthonormal_teacher(3, 3));
  for (const double angle : {0.0, 1e-12, 1e-7, 1e-4}) {
    for (const double side : {1.0, -1.0}) {
      Neurons student{base::Points<double>(2, 3), base::Vector<double>(2)};
      student.w << 0.6, 0.8, 0.3, side * 0.6, side * 0.8, side * 0.3 + angle;
      student.a << 1.2, 0.7;
      std::vector<double> gradient(8);
      batch_gradient(lane_problem(landscape, 2, Outgoing::free), flat(student), gradient);
      const Neurons expected = landscape.gradient(student);
      EXPECT_LT((shaped(gradient.data(), 2, 3).w - expected.w).cwiseAbs().maxCoeff(), 2e-14)
          << angle << " " << side;
    }
  }
}

TEST(Settling, EndsWhereTheGradientVanishes) {
  for (const Activation activation : coded) {
    const Landscape landscape(activation, orthonormal_teacher(4, 5));
    for (const Settled& one :
         settle(landscape, starts_of(landscape, 3, 40, Outgoing::free), Outgoing::free)) {
      ASSERT_EQ(one.end.end, FlowEnd::settled);
      const Neurons gradient = landscape.gradient(one.student);
      EXPECT_LT(std::max(gradient.w.cwiseAbs().maxCoeff(), gradient.a.cwiseAbs().maxCoeff()), 1e-8);
    }
  }
}

TEST(Settling, HasTheSameBytesForAnyNumberOfThreadsAndNeighbours) {
  const Landscape landscape(Activation::relu, orthonormal_teacher(3, 4));
  const std::vector<Neurons> starts = starts_of(landscape, 2, 600, Outgoing::free);
  const auto run = [&](int threads) {
    const base::ThreadLimit limit(threads);
    return settle(landscape, starts, Outgoing::free);
  };
  const std::vector<Settled> one = run(1), five = run(5);
  for (std::size_t s = 0; s < starts.size(); ++s) {
    ASSERT_EQ(flat(one[s].student), flat(five[s].student)) << s;
    ASSERT_EQ(one[s].end.steps, five[s].end.steps);
  }
  const std::vector<Settled> alone =
      settle(landscape, {starts[17]}, Outgoing::free,
             {.flow = {}, .dead = DeadNeurons::revive, .seed = 0, .first = 17});
  EXPECT_EQ(flat(alone[0].student), flat(one[17].student));
}

// The integrator of order eight takes the same starts to the same of the two minima.
TEST(Settling, AgreesWithAnIntegratorOfHighAccuracy) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(4, 5));
  const std::vector<Neurons> starts = starts_of(landscape, 3, 10, Outgoing::free);
  const flows::Rhs rhs = [&](double, std::span<const double> y, std::span<double> rate) {
    const std::vector<double> slope = flat(landscape.gradient(shaped(y.data(), 3, 5)));
    for (std::size_t p = 0; p < rate.size(); ++p) rate[p] = -slope[p];
  };
  const std::vector<Settled> settled = settle(landscape, starts, Outgoing::free);
  for (std::size_t s = 0; s < starts.size(); ++s) {
    const std::vector<double> times{1000};
    const std::vector<double> end =
        flows::integrate(rhs, flat(starts[s]), times, {.rtol = 1e-9, .atol = 1e-11}).back();
    const Neurons reached = shaped(end.data(), 3, 5);
    EXPECT_LT((reached.w - settled[s].student.w).cwiseAbs().maxCoeff(), 0.1) << s;
    EXPECT_LT((reached.a - settled[s].student.a).cwiseAbs().maxCoeff(), 0.1) << s;
  }
}

// One at a time by backward differentiation, many at a time by a Rosenbrock method: the same ends.
TEST(Settling, EndsAtTheSamePointsAloneAndInLanes) {
  for (const Activation activation : coded) {
    for (const Outgoing outgoing : {Outgoing::free, Outgoing::fixed}) {
      const Landscape landscape(activation, orthonormal_teacher(3, 4));
      const std::vector<Neurons> starts = starts_of(landscape, 2, 20, outgoing);
      SettlingOptions options;
      options.dead = DeadNeurons::leave;
      const std::vector<Settled> many = settle(landscape, starts, outgoing, options);
      for (std::size_t s = 0; s < starts.size(); ++s) {
        const Settled one = settle_alone(landscape, starts[s], outgoing, options.flow);
        ASSERT_EQ(one.end.end, FlowEnd::settled) << static_cast<int>(activation) << " start " << s;
        EXPECT_EQ(one.end.deaths, many[s].end.deaths);
        EXPECT_NEAR(landscape.mean_squared_error(one.student), landscape.mean_squared_error(many[s].student),
                    1e-9);
        EXPECT_LT((one.student.w - many[s].student.w).cwiseAbs().maxCoeff(), 1e-2) << s;
      }
    }
  }
}

// |w|² - a² is constant along the flow of relu; with a < 0 and |w| < |a| the neuron reaches w = 0 in finite
// time.
TEST(Settling, HoldsADyingReluNeuronAtZeroOrRevivesIt) {
  const Landscape landscape(Activation::relu, orthonormal_teacher(3, 4));
  Neurons dying{base::Points<double>(2, 4), base::Vector<double>(2)};
  dying.w << 0.3, 0.1, -0.2, 0.05, -0.1, 0.2, 0.25, -0.1;
  dying.a << 0.5, -0.4;
  SettlingOptions options;
  options.dead = DeadNeurons::leave;
  const Settled left = settle(landscape, {dying}, Outgoing::free, options).front();
  EXPECT_EQ(left.end.end, FlowEnd::settled);
  EXPECT_EQ(left.end.deaths, 1);
  EXPECT_TRUE(left.student.w.row(1).isZero(0));
  EXPECT_NEAR(left.student.a[1], -std::sqrt(0.16 - 0.1225), 1e-5);
  EXPECT_NEAR(landscape.mean_squared_error(left.student), 0.484710060482, 1e-9);  // one neuron's best
  options.dead = DeadNeurons::revive;
  const Settled revived = settle(landscape, {dying}, Outgoing::free, options).front();
  EXPECT_EQ(revived.end.end, FlowEnd::settled);
  EXPECT_NEAR(landscape.mean_squared_error(revived.student), 0.1536677175, 1e-9);
}

TEST(Settling, LabelsWhatDoesNotSettle) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(3, 4));
  const std::vector<Neurons> starts = starts_of(landscape, 2, 5, Outgoing::free);
  SettlingOptions options;
  options.flow.most_steps = 3;
  for (const Settled& one : settle(landscape, starts, Outgoing::free, options))
    EXPECT_EQ(one.end.end, FlowEnd::exhausted);
  options = {};
  options.flow.largest_norm = 0.1;
  for (const Settled& one : settle(landscape, starts, Outgoing::free, options))
    EXPECT_EQ(one.end.end, FlowEnd::runaway);
  EXPECT_TRUE(settle(landscape, {}, Outgoing::free).empty());
}

TEST(Settling, RefusesStartsThatAreNotFiniteOrOfTwoShapes) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(3, 4));
  std::vector<Neurons> starts = starts_of(landscape, 2, 2, Outgoing::free);
  starts[1].w(0, 0) = std::numeric_limits<double>::infinity();
  EXPECT_THROW(settle(landscape, starts, Outgoing::free), base::Error);
  starts[1] = random_start(3, 4, 1);
  EXPECT_THROW(settle(landscape, starts, Outgoing::free), base::Error);
}

TEST(Starts, AreGlorotNormalAndDependOnSeedAndIndexAlone) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(5, 6));
  double w = 0, a = 0;
  constexpr int count = 4000;
  for (int s = 0; s < count; ++s) {
    const Neurons one = start(landscape, 4, Outgoing::free, 1, static_cast<std::uint64_t>(s));
    w += one.w.squaredNorm() / 24 / count;
    a += one.a.squaredNorm() / 4 / count;
  }
  EXPECT_NEAR(w, 2.0 / 10, 0.2 * 4 * std::sqrt(2.0 / (24 * count)));
  EXPECT_NEAR(a, 2.0 / 5, 0.4 * 4 * std::sqrt(2.0 / (4 * count)));
  EXPECT_EQ(flat(start(landscape, 4, Outgoing::free, 1, 7)), flat(start(landscape, 4, Outgoing::free, 1, 7)));
  EXPECT_NE(flat(start(landscape, 4, Outgoing::free, 1, 7)), flat(start(landscape, 4, Outgoing::free, 2, 7)));
  EXPECT_EQ(start(landscape, 4, Outgoing::fixed, 1, 7).a, base::Vector<double>::Ones(4));
}

TEST(Revival, GivesDeadNeuronsSmallWeightsThatLowerTheLoss) {
  const Landscape landscape(Activation::relu, orthonormal_teacher(3, 4));
  Neurons student = random_start(3, 4, 5);
  student.w.row(1).setZero();
  student.a[1] = -2;
  const double before = landscape.mean_squared_error(student);
  EXPECT_EQ(revive(landscape, student, 1e-3, base::Stream(1, 0, "test")), 1);
  EXPECT_NEAR(student.w.row(1).norm(), 1e-3, 1e-15);
  EXPECT_LT(landscape.mean_squared_error(student), before);
  EXPECT_EQ(revive(landscape, student, 1e-3, base::Stream(1, 0, "test")), 0);
}

}  // namespace
}  // namespace starling::students
