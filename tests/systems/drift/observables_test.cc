#include "starling/systems/drift/observables.h"

#include <gtest/gtest.h>

#include "starling/base/random.h"
#include "starling/systems/drift/particle_flow.h"
#include "systems/drift/figures.h"

namespace starling::drift {
namespace {

using figures::cloud;
using figures::expect_printed;
using figures::x;
using figures::y;

TEST(Diagnostics, HaveThePrintedValuesInTwoDimensions) {
  const Diagnostics d = diagnostics(x, y, .6);
  EXPECT_NEAR(d.stein_drift, 3.542968253934, 6e-13);
  EXPECT_NEAR(d.self_term, 16.089972118225, 6e-12);
  EXPECT_NEAR(d.centre_velocity, 0.611398008550, 6e-13);
  EXPECT_NEAR(d.mean_inverse_occupancy, 0.724048745320, 6e-13);
  EXPECT_NEAR(d.smoothed_fisher, 2.396706805315, 6e-12);
  expect_printed(d.occupancy, {1.715213940812, 1.272345038715, 1.451898110111, 1.192643623149});
  EXPECT_NEAR(smoothed_kl(x, Target::data(y, .6)), 0.296619816580, 6e-13);
}

TEST(Diagnostics, HaveThePrintedValuesInOneDimension) {
  const auto model = cloud(1, {-1.2, .1, .4, 2}), data = cloud(1, {-.5, .3, 1.1});
  const Target target = Target::data(data, .5);
  const Diagnostics d = diagnostics(model, data, .5);
  EXPECT_NEAR(d.smoothed_fisher, 4.609824701303, 6e-12);  // 4.60982470130299958 by quadrature to 30 digits
  EXPECT_NEAR(d.centre_velocity, 5.152395164619, 6e-12);
  EXPECT_NEAR(d.stein_drift, 6.405036262123, 6e-12);
  EXPECT_NEAR(d.self_term / 4, 3.030952208467, 6e-12);
  EXPECT_NEAR(smoothed_kl(model, target), 0.441809300753, 6e-13);
  const base::Vector<double> v = target.score(model) - Target::data(model, .5).score(model);
  EXPECT_NEAR(v.dot(smoothed_velocity_1d(model, target)) / 4, 4.282730813472, 6e-12);
}

// A cloud near its equilibrium, as the rates read it.
TEST(SmoothedFisher, ByHermiteNodesAgreesWithTheGridToOnePerCent) {
  base::Points<double> start(64, 2);
  base::Stream(7, 0, "cloud").fill_normal({start.data(), 128});
  const Target target = Target::normal(1, .5);
  const double times[] = {2};
  const auto end = conservative_flow(start, target, times, {})[0];
  EXPECT_NEAR(smoothed_fisher_hermite(end, target) / smoothed_fisher(end, target), 1, .01);
}

// One particle at the centre: |v|^2 = |z|^2 (1 / h^2 - 1 / (1 + h^2))^2 is a polynomial, so the nodes are
// exact.
TEST(SmoothedFisher, ByHermiteNodesIsExactForOneParticle) {
  const double rate = 1 / .25 - 1 / 1.25;
  const base::Points<double> centre = base::Points<double>::Zero(1, 3);
  EXPECT_NEAR(smoothed_fisher_hermite(centre, Target::normal(1, .5)), 3 * .25 * rate * rate, 1e-12);
}

TEST(Decompose, HasThePrintedValuesAndAddsUpToTheField) {
  const auto z = cloud(2, {.3, -.2, 1.1, .9, -2, .4});
  const Decomposition d = decompose(z, x, y, .7);
  expect_printed(d.a_p, {2.560269693825, 2.569620663314, 3.082991716571});
  expect_printed(d.a_q, {2.013339510562, 2.156791334328, 3.937753621714});
  expect_printed(d.sharp.topRows(1), {0.010731730824, 0.035914876806});
  expect_printed(d.residual.topRows(1), {-0.028312659101, 0.058057455289});
  const auto field = velocity_at({.scale = .7}, z, x, y);
  EXPECT_LT((d.sharp + d.residual - field).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(Target, NormalAgreesWithItsFormulaByDifferences) {
  const Target target = Target::normal(1, .3);
  const auto z = cloud(2, {.4, -.7});
  const double step = 1e-6;
  for (base::Index k = 0; k < 2; ++k) {
    auto up = z, down = z;
    up(0, k) += step;
    down(0, k) -= step;
    EXPECT_NEAR(target.score(z)(0, k), (target.log_density(up)(0) - target.log_density(down)(0)) / (2 * step),
                1e-8);
  }
  EXPECT_NEAR(target.score_divergence(z)(0), -2 / 1.09, 1e-14);
}

}  // namespace
}  // namespace starling::drift
