#include "starling/systems/drift/baselines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "starling/base/parallel.h"
#include "starling/metrics/distances.h"
#include "study/scratch.h"
#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using figures::cloud;
using figures::expect_printed;
using figures::x;
using figures::y;
using study::testing::error_of;

const Points<double> none(0, 2);

// -N times the gradient of `objective` in the particles, by central differences.
Points<double> descent(Points<double> at, const std::function<double(const Points<double>&)>& objective) {
  constexpr double step = 1e-5;
  Points<double> out(at.rows(), at.cols());
  for (Index i = 0; i < at.size(); ++i) {
    const double middle = at.data()[i];
    at.data()[i] = middle + step;
    const double above = objective(at);
    at.data()[i] = middle - step;
    out.data()[i] = -static_cast<double>(at.rows()) * (above - objective(at)) / (2 * step);
    at.data()[i] = middle;
  }
  return out;
}

Points<double> half_turn(Index count) {
  Points<double> out(count, 2);
  for (Index k = 0; k < count; ++k) {
    const double angle = std::numbers::pi * static_cast<double>(k) / static_cast<double>(count);
    out.row(k) << std::cos(angle), std::sin(angle);
  }
  return out;
}

Points<double> normal(Index n, Index d, std::uint64_t index) {
  Points<double> out(n, d);
  base::Stream(7, 0, "baselines test", index)
      .fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

// Computed by numpy with dense matrices; the KL flow by a trapezoid sum around each particle.
TEST(Baselines, HaveThePrintedValues) {
  expect_printed(mmd_velocity(x, y, .6, none),
                 {-0.105444929154, -0.002213383903, -0.036839891217, 0.050181946848, 0.011982668992,
                  0.204216009566, -0.102402416732, -0.061420117592});
  expect_printed(svgd_velocity(x, -x, .6),
                 {-0.096903375254, -0.174270468984, -0.039177229776, -0.082002124121, -0.099740775969,
                  0.016078614653, -0.033004701579, 0.118748222957});
  expect_printed(sliced_velocity(x, y, half_turn(8)),
                 {-0.159204951288, -0.051165629407, 0.065866792720, 0.033314754520, -0.044335046789,
                  0.109638347648, -0.112326794642, -0.031787472761});
}

TEST(KlFlow, HasThePrintedValuesToNineDigits) {
  const Points<double> line =
      kl_velocity(cloud(1, {-1.2, .1, .4, 2}), Target::data(cloud(1, {-.5, .3, 1.1}), .5));
  EXPECT_LT((line - cloud(1, {2.147535819230, 0.133288002167, 0.245874205786, -3.130695203009})).norm(),
            1e-9);
  const Points<double> plane = kl_velocity(x, Target::data(y, .6));
  EXPECT_LT((plane - cloud(2, {-0.475674550772, 0.082759158496, -0.064687151842, -0.088316978712,
                               -0.290457565982, 0.328996325365, -0.282118688892, 0.306858374802}))
                .norm(),
            1e-9);
}

TEST(MmdFlow, DescendsHalfTheSquaredDiscrepancy) {
  const auto objective = [](const Points<double>& at) { return metrics::mmd2(at, y, .6, false) / 2; };
  EXPECT_LT((mmd_velocity(x, y, .6, none) - descent(x, objective)).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(MmdFlow, ReadsTheFieldWhereTheNoiseSays) {
  const Points<double> offset = normal(4, 2, 0);
  // Where a particle is read does not move the cloud: the witness at z is that of one more particle without
  // weight.
  const auto witness = [&](const Points<double>& z) {
    const auto mean = [&](const Points<double>& points) {
      return (-(points.rowwise() - z.row(0)).rowwise().squaredNorm() / (2 * .36)).array().exp().mean();
    };
    return mean(x) - mean(y);
  };
  const Points<double> v = mmd_velocity(x, y, .6, offset);
  for (Index i = 0; i < 4; ++i) {
    const Points<double> slope = descent(x.row(i) + offset.row(i), witness);
    EXPECT_LT((v.row(i) - slope).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST(MmdFlow, RestsAtTheData) {
  EXPECT_EQ(mmd_velocity(y, y, .6, none).cwiseAbs().maxCoeff(), 0);
}

TEST(Svgd, OfOneParticleClimbsTheScore) {
  const Points<double> one = cloud(2, {.3, -2});
  EXPECT_EQ(svgd_velocity(one, -one / 4, .6), Points<double>(-one / 4));
}

TEST(Svgd, RestsAtThePairThatBalancesAttractionAndRepulsion) {
  // ±a with score -z and k(2a) = k: (1 - k)/2 a = 2a k / (2h²), so a = h sqrt(ln(1 + 2/h²) / 2).
  const double a = 0.524073536984;  // h = .5
  const Points<double> pair = cloud(1, {-a, a});
  EXPECT_LT(svgd_velocity(pair, -pair, .5).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(Svgd, IsTheKernelMeanOfScoreAndKernelSlope) {
  const Points<double> s = Target::data(y, .5).score(x), v = svgd_velocity(x, s, .6);
  const auto kernel = [](const Points<double>& a, const Points<double>& b) {
    return std::exp(-(a - b).squaredNorm() / (2 * .36));
  };
  for (Index i = 0; i < 4; ++i) {
    Points<double> expected = Points<double>::Zero(1, 2);
    for (Index j = 0; j < 4; ++j) {
      // `descent` of one point is minus the slope.
      expected += kernel(x.row(j), x.row(i)) * s.row(j) -
                  descent(x.row(j), [&](const Points<double>& z) { return kernel(z, x.row(i)); });
    }
    EXPECT_LT((v.row(i) - expected / 4).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST(SlicedFlow, CouplesQuantilesExactlyWhateverTheSizes) {
  // Two particles share three points: each takes one point and half of the middle one.
  const Points<double> v = sliced_velocity(cloud(1, {1, 0}), cloud(1, {6, 0, 3}), cloud(1, {1}));
  EXPECT_DOUBLE_EQ(v(0, 0), 5 - 1);
  EXPECT_DOUBLE_EQ(v(1, 0), 1 - 0);
}

TEST(SlicedFlow, DescendsHalfTheSlicedDistance) {
  const Points<double> directions = half_turn(7);
  const auto objective = [&](const Points<double>& at) {
    return metrics::sliced_wasserstein(at, y, directions, 2) / 2;
  };
  EXPECT_LT((sliced_velocity(x, y, directions) - descent(x, objective)).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(SlicedFlow, ArrivesInOneStepOnTheLine) {
  const Points<double> from = normal(50, 1, 1), to = normal(50, 1, 2), one = cloud(1, {1});
  EXPECT_LT(metrics::sliced_wasserstein(from + sliced_velocity(from, to, one), to, one, 2), 1e-28);
}

TEST(KlFlow, DescendsTheRelativeEntropyOfTheSmoothedLaws) {
  const auto model = cloud(1, {-1.2, .1, .4, 2});
  for (const Target& target : {Target::data(cloud(1, {-.5, .3, 1.1}), .5), Target::normal(.7, .5)}) {
    const auto objective = [&](const Points<double>& at) { return smoothed_kl(at, target); };
    EXPECT_LT((kl_velocity(model, target) - descent(model, objective)).cwiseAbs().maxCoeff(), 1e-8);
  }
  const Target plane = Target::data(y, .6);
  const auto objective = [&](const Points<double>& at) { return smoothed_kl(at, plane); };
  EXPECT_LT((kl_velocity(x, plane) - descent(x, objective)).cwiseAbs().maxCoeff(), 1e-8);
}

TEST(KlFlow, AgreesWithTheQuadratureAroundEachParticle) {
  const auto model = cloud(1, {-1.2, .1, .4, 2});
  const Target target = Target::data(cloud(1, {-.5, .3, 1.1}), .5);
  EXPECT_LT((kl_velocity(model, target) - smoothed_velocity_1d(model, target)).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(KlFlow, DissipatesAsTheIdentitiesSay) {
  const auto model = cloud(1, {-1.2, .1, .4, 2}), data = cloud(1, {-.5, .3, 1.1});
  const Target target = Target::data(data, .5);
  const Points<double> smooth = kl_velocity(model, target);
  const Points<double> plain = target.score(model) - Target::data(model, .5).score(model);
  // Along any motion u the entropy falls at the rate mean u·(K_h * v): printed for the drifting field ...
  EXPECT_NEAR((plain.array() * smooth.array()).sum() / 4, 4.282730813472, 1e-9);
  // ... and for the exact flow it is mean |K_h * v|², here against the entropy itself a small time later and
  // earlier.
  constexpr double dt = 1e-5;
  const double slope =
      (smoothed_kl(model + dt * smooth, target) - smoothed_kl(model - dt * smooth, target)) / (2 * dt);
  EXPECT_NEAR(slope, -smooth.squaredNorm() / 4, 1e-7);
}

TEST(KlFlow, IsExactByMonteCarloWhereTheFieldIsLinear) {
  // One particle: v(z) is linear, and antithetic draws lose nothing. K_h * v = -x / (s² + h²).
  const Points<double> one = cloud(3, {.4, -1, 2});
  EXPECT_LT((kl_velocity(one, Target::normal(1, .5)) + one / 1.25).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(KlFlow, HasAMonteCarloErrorBelowAFifthInThreeDimensions) {
  // Clouds in a plane of space: the field's two coordinates in the plane are those of the planar problem.
  const auto lift = [](const Points<double>& flat) {
    Points<double> out = Points<double>::Zero(flat.rows(), 3);
    out.leftCols(2) = flat;
    return out;
  };
  const Points<double> exact = kl_velocity(x, Target::data(y, .6));
  const Points<double> drawn = kl_velocity(lift(x), Target::data(lift(y), .6));
  EXPECT_LT((drawn.leftCols(2) - exact).norm(), 0.2 * exact.norm());
  EXPECT_EQ(drawn, kl_velocity(lift(x), Target::data(lift(y), .6)));
}

TEST(Baselines, HaveTheSameBytesForAnyNumberOfThreads) {
  const Points<double> model = normal(300, 2, 3), data = normal(401, 2, 4), directions = half_turn(16);
  const auto all = [&] {
    Points<double> out(4 * model.rows(), 2);
    out << mmd_velocity(model, data, .2, none), svgd_velocity(model, -model, .2),
        sliced_velocity(model, data, directions), kl_velocity(model, Target::data(data, .3));
    return out;
  };
  const base::ThreadLimit one(1);
  const Points<double> alone = all();
  for (const int threads : {2, 5}) {
    const base::ThreadLimit limit(threads);
    EXPECT_EQ(all(), alone) << threads;
  }
}

TEST(Baselines, RefuseWhatTheFieldsRefuse) {
  EXPECT_EQ(error_of([] { mmd_velocity(x, y, -1, none); }),
            "2: scale: -1 is out of range; expected a positive, finite number");
  EXPECT_EQ(error_of([] { sliced_velocity(x, cloud(1, {1}), half_turn(2)); }).substr(0, 3), "2: ");
  Points<double> lost = x;
  lost(2, 1) = std::nan("");
  EXPECT_EQ(error_of([&] { svgd_velocity(lost, lost, 1); }).substr(0, 3), "3: ");
  EXPECT_EQ(error_of([&] { kl_velocity(lost, Target::normal(1, 1)); }).substr(0, 3), "3: ");
}

TEST(Quadrature, OfThreeNodesABandwidthHasSixDigits) {
  const Target target = Target::data(y, .6);
  EXPECT_NEAR(smoothed_fisher(x, target, 3) / smoothed_fisher(x, target), 1, 1e-6);
  EXPECT_NEAR(smoothed_kl(x, target, 3) / smoothed_kl(x, target), 1, 1e-6);
}

}  // namespace
}  // namespace starling::drift
