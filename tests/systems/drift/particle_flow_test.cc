#include "starling/systems/drift/particle_flow.h"

#include <gtest/gtest.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using figures::cloud;
using figures::expect_printed;
using figures::x;
using figures::y;

constexpr flows::OdeOptions tight{.rtol = 1e-13, .atol = 1e-14};

Points<double> normal_quantiles(Index n, double mean, double spread) {
  Points<double> out(n, 1);
  for (Index i = 0; i < n; ++i) {
    out(i, 0) = mean + spread * boost::math::quantile(boost::math::normal(),
                                                      (static_cast<double>(i) + .5) / static_cast<double>(n));
  }
  return out;
}

double variance(const Points<double>& cloud) {
  return (cloud.array() - cloud.mean()).square().mean();
}

TEST(EntropyBalance, BothSidesHaveThePrintedValues) {
  const double times[] = {.25, .5, 1};
  const double printed[] = {1.189657225260, 3.482604411605, 9.717434291104};
  const EntropyBalance balance = entropy_balance(x, y, .6, times);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(balance.change[i], printed[i], 2e-12);
    EXPECT_NEAR(balance.integral[i], printed[i], 2e-12);
  }
}

TEST(ParticleFlow, ReachesThePrintedCloud) {
  const double times[] = {0, 1};
  const FieldSpec spec{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .6};
  const auto clouds = particle_flow(spec, x, y, times, tight);
  EXPECT_EQ(clouds[0], x);
  expect_printed(clouds[1], {-0.461645950681, 0.121441676087, 0.720274606592, 0.563676327064, -0.007739102578,
                             1.218404664853, -0.574782927727, -0.968604563685});
  const Diagnostics d = diagnostics(clouds[1], y, .6);
  EXPECT_NEAR(d.stein_drift, 0.631602894187, 2e-12);
  EXPECT_NEAR(d.self_term, 16.500439297195, 1e-11);
  EXPECT_NEAR(d.centre_velocity, 0.124319358559, 2e-12);
}

TEST(ParticleFlow, LosesRelativeEntropyAsTheKlIdentitySays) {
  const auto model = cloud(1, {-1.2, .1, .4, 2}), data = cloud(1, {-.5, .3, 1.1});
  const Target target = Target::data(data, .5);
  const double times[] = {2};
  const FieldSpec spec{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .5};
  const auto end = particle_flow(spec, model, data, times, tight)[0];
  expect_printed(end, {-0.595204716835, -0.007159522610, 0.604550799517, 1.194722779159});
  const Diagnostics d = diagnostics(end, data, .5);
  EXPECT_NEAR(d.smoothed_fisher, 0.007205513596, 2e-12);
  EXPECT_NEAR(d.centre_velocity, 0.000012804247, 2e-12);
  EXPECT_NEAR(d.stein_drift, -0.080672108608, 2e-12);
  EXPECT_NEAR(smoothed_kl(end, target), 0.000504045727, 2e-12);
  EXPECT_NEAR(smoothed_kl(model, target) - smoothed_kl(end, target), 0.441305255027, 2e-12);
}

TEST(JointJacobian, IsNotSymmetricAndHasThePrintedNorm) {
  const auto j = joint_jacobian(x, y, .6);
  EXPECT_NEAR((j - j.transpose()).norm(), 0.545959439641, 6e-13);
  EXPECT_NEAR(j.trace(), -4.836077896323, 2e-12);
}

TEST(JointJacobian, AgreesWithDifferences) {
  const FieldSpec spec{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .6};
  const auto j = joint_jacobian(x, y, .6);
  for (Index b = 0; b < x.size(); ++b) {
    auto up = x, down = x;
    up.data()[b] += 1e-6;
    down.data()[b] -= 1e-6;
    const Points<double> slope = (velocity<double>(spec, up, y) - velocity<double>(spec, down, y)) / 2e-6;
    for (Index a = 0; a < x.size(); ++a) EXPECT_NEAR(j(a, b), slope.data()[a], 1e-8);
  }
}

TEST(GaussianVariance, HasThePrintedValues) {
  const double times[] = {.5, 2, 8};
  const double printed[3][4] = {{.25, 0.650215910829, 0.971055138510, 0.999998808261},
                                {4, 2.232158901647, 1.092993065864, 1.000003791564},
                                {.01, .419160397243, .950249781252, .999997947982}};
  for (const auto& row : printed) {
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(gaussian_variance(row[0], 1, .09, times[i]), row[i + 1], 6e-13);
  }
  EXPECT_EQ(gaussian_variance(0, 1, .09, 5), 0);
  EXPECT_EQ(gaussian_variance(1, 1, .09, 5), 1);
  EXPECT_THROW(gaussian_variance(-1, 1, .09, 5), std::exception);
}

TEST(ConservativeFlow, ApproachesTheGaussianClosedFormAsParticlesGrow) {
  const double times[] = {.5, 2};
  const double printed[4][3] = {{16, .56351365, .78227556},
                                {64, .62685306, .91678965},
                                {256, .64407950, .95642224},
                                {512, .64709006, .96353973}};
  for (const auto& row : printed) {
    const auto start = normal_quantiles(static_cast<Index>(row[0]), 1, .5);
    const auto clouds = conservative_flow(start, Target::normal(1, .3), times, {});
    EXPECT_NEAR(clouds[0].mean(), 0.63209499, 6e-9);
    EXPECT_NEAR(clouds[1].mean(), 0.15963547, 6e-9);
    EXPECT_NEAR(variance(clouds[0]), row[1], 6e-9);
    EXPECT_NEAR(variance(clouds[1]), row[2], 6e-9);
  }
}

TEST(ConservativeFlow, BringsTwoParticlesToTheirEquilibrium) {
  const double times[] = {35};
  const double printed[2][2] = {{.5, 0.524073536984}, {.2, 0.280422025980}};
  for (const auto& row : printed) {
    const auto end = conservative_flow(cloud(1, {-.4, .4}), Target::normal(1, row[0]), times,
                                       {.rtol = 1e-12, .atol = 1e-13})[0];
    EXPECT_NEAR(end(1, 0), row[1], 2e-12);
    EXPECT_NEAR(end(1, 0), row[0] * std::sqrt(.5 * std::log(1 + 2 / (row[0] * row[0]))), 2e-12);
  }
}

TEST(ConservativeFlow, CollapsesToALatticeWhenTheBandwidthIsTiny) {
  const double printed[7][2] = {{.01, .07872580}, {.03, .35885736}, {.1, .72363812}, {.3, .88835466},
                                {.6, .94959089},  {1, .96047537},   {2, .96476328}};
  const double times[] = {5};
  for (const auto& row : printed) {
    const auto end = conservative_flow(normal_quantiles(32, 0, 1), Target::normal(1, row[0]), times, {})[0];
    EXPECT_NEAR(variance(end), row[1], 1e-6) << "h = " << row[0];
  }
}

// Noiseless starts towards a standard normal, h = N^(-1/(d+4)), at T = 2.
TEST(ConservativeFlow, LeavesThePrintedFisherInformation) {
  const double line[6][2] = {{16, .02701079},  {32, .01965255},  {64, .01455511},
                             {128, .01088564}, {256, .00817127}, {512, .00612638}};
  const double plane[6][2] = {{16, .21259328},  {32, .14209691},  {64, .11913911},
                              {128, .10196800}, {256, .07745772}, {512, .06046012}};
  const double times[] = {2};
  for (const auto& row : line) {
    const Target target = Target::normal(1, std::pow(row[0], -.2));
    const auto end =
        conservative_flow(normal_quantiles(static_cast<Index>(row[0]), 0, 1), target, times, {})[0];
    EXPECT_NEAR(smoothed_fisher(end, target) / row[1], 1, 1e-6) << row[0];
  }
  for (const auto& row : plane) {
    const Target target = Target::normal(1, std::pow(row[0], -1.0 / 6));
    Points<double> start(static_cast<Index>(row[0]), 2);
    for (Index i = 0; i < start.rows(); ++i) {
      for (Index k = 0; k < 2; ++k) {
        const double share =
            .5 + static_cast<double>(i + 1) * std::pow(1.32471795724474602596, -static_cast<double>(k + 1));
        start(i, k) = boost::math::quantile(boost::math::normal(), share - std::floor(share));
      }
    }
    EXPECT_NEAR(smoothed_fisher(conservative_flow(start, target, times, {})[0], target) / row[1], 1, 1e-6)
        << row[0];
  }
}

TEST(ParticleFlow, RunsAwayWhenAGaussianLeavesTheSelfTermOut) {
  // Two particles at ±a: each sees only the other in q, a' = a (2/h^2 - 1/w). The target is a normal, so the
  // pull is exact.
  const double h2 = .09, rate = 2 / h2 - 1 / 1.09;
  const flows::Rhs rhs = [&](double, std::span<const double> s, std::span<double> r) {
    const Points<double> now = cloud(1, {-s[0], s[0]});
    const auto push = velocity<double>(
        {.field = Field::conservative, .kernel = Kernel::gaussian, .scale = .3, .self_interaction = false},
        now, now);
    // velocity(x, x) without self is -(push of the other), since the pull of x on itself is the plain score.
    const auto pull = Target::data(now, .3).score(now);
    r[0] = push(1, 0) - pull(1, 0) - s[0] / 1.09;
  };
  const double start[] = {.5}, times[] = {.5};
  EXPECT_NEAR(flows::integrate(rhs, start, times, tight)[0][0] / 21146.894345, 1, 1e-9);
  EXPECT_NEAR(.5 * std::exp(.5 * rate) / 21146.894345, 1, 1e-10);
}

}  // namespace
}  // namespace starling::drift
