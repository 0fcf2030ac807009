// What theory says of the flow, exactly: rates near a minimum, the threshold of the discrete step, and the
// propagation of chaos from laws of two atoms, whose averages are finite sums.
#include <gtest/gtest.h>

#include <cmath>

#include "starling/systems/muon/flow.h"
#include "systems/muon/problem.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Vector;
using testing::at_rest;
using testing::grid;

Cloud minimum() {
  Cloud out(1, 4);
  out << 1, -.5, .25, .75;
  return out;
}
std::unique_ptr<Objective> bowl() {
  return mean_matrix_objective(minimum().reshaped<Eigen::RowMajor>(2, 2));
}
Flow slow_flow(const Objective& objective, double epsilon, double gamma) {
  return {objective, Kinetic(objective.blocks(), {epsilon}), gamma};
}

TEST(MuonRates, AreThoseOfTheLinearisedFlow) {
  const auto objective = bowl();
  const auto run = [&](double epsilon, double gamma, const std::vector<double>& times) {
    return follow(slow_flow(*objective, epsilon, gamma), at_rest(Cloud::Zero(1, 4)), times, {});
  };
  const History slow = run(.5, 6, {1, 12, 24});
  EXPECT_NEAR(slow.hamiltonian[0], .569718631286531, 1e-12);
  EXPECT_NEAR(std::log(slow.objective[1] / slow.objective[2]) / 12, 6 - std::sqrt(36 - 4 / .5), 3e-6);
  const History quick = run(.5, 1, {1});
  EXPECT_NEAR(quick.hamiltonian[0], .582218398473600, 1e-12);
  EXPECT_NEAR(quick.objective[0], .228409740001881, 1e-12);
  EXPECT_NEAR(run(.1, 1, {1}).hamiltonian[0], .471032969642466, 1e-12);
  // Underdamped: the envelope of the energy falls as exp(-γ t).
  const History late = run(.5, 1, {10, 20});
  EXPECT_NEAR(std::log(late.hamiltonian[0] / late.hamiltonian[1]) / 10, 1, .05);
}

TEST(MuonRates, OfTheDiscreteStepAreBetaAStep) {
  const auto objective = bowl();
  const double eta = .05, gamma = 1;  // beta = .95
  const History h = follow(slow_flow(*objective, .5, gamma), at_rest(Cloud::Zero(1, 4)), grid(40, eta),
                           {.integrator = Integrator::muon, .dt = eta});
  // From crest to crest of the swing.
  const auto crest_after = [&](std::size_t i) {
    while (!(h.objective[i] > h.objective[i - 1] && h.objective[i] > h.objective[i + 1])) ++i;
    return i;
  };
  const std::size_t first = crest_after(200), last = crest_after(600);
  const double factor =
      std::pow(h.objective[last] / h.objective[first], 1 / static_cast<double>(last - first));
  EXPECT_NEAR(factor, .95, 2e-4);
}

TEST(MuonThreshold, SeparatesConvergenceFromACycleOfPeriodTwo) {
  const auto objective = bowl();
  const double epsilon = .1, beta = .9, threshold = std::sqrt(2 * epsilon * (1 + beta));
  for (const double share : {.99, 1.01}) {
    // dt = 1 with forces scaled by eta: P <- β P + g, W <- W - η ∇Ψ(P) is the flow with dt = η, γ = (1 -
    // β)/η, and e in the units of P dt.
    const double eta = share * threshold;
    const Flow flow = slow_flow(*objective, epsilon, (1 - beta) / eta);
    EXPECT_EQ(largest_stable_curvature(flow.gamma, epsilon, eta) > 1, share < 1);
    State state = at_rest(minimum() + 1e-3 * (Cloud(1, 4) << 1, 0, 0, 1).finished());
    for (int i = 0; i < 6000; ++i) step(flow, Integrator::muon, eta, equal_weights(1), state);
    const Eigen::MatrixXd off = (state.w - minimum()).reshaped<Eigen::RowMajor>(2, 2);
    const double distance = math::singular_values(off)[0];
    if (share < 1) {
      EXPECT_LT(distance, 1e-13);
    } else {
      const double expected =
          (1 + beta) / eta * std::sqrt(std::pow(eta * eta / (2 * (1 + beta)), 2) - epsilon * epsilon);
      EXPECT_NEAR(expected, .061493, 1e-6);
      EXPECT_NEAR(distance, expected, 1e-6);
      State twice = state;
      step(flow, Integrator::muon, eta, equal_weights(1), twice);
      EXPECT_GT((twice.w - state.w).norm(), .1);
      step(flow, Integrator::muon, eta, equal_weights(1), twice);
      EXPECT_LT((twice.w - state.w).norm(), 1e-9);
    }
  }
}

// E |W - W̄|² over N particles drawn from two atoms with probability ½ each: a sum over the binomial law.
double chaos(Index n) {
  const auto objective = testing::problem();
  const Flow flow = slow_flow(*objective, .1, 1);
  const Cloud atoms = testing::particles(2, 3, 2);
  const auto end = [&](double share) {
    Vector<double> weights(2);
    weights << share, 1 - share;
    return follow(flow, at_rest(atoms), std::vector<double>{2},
                  {.integrator = Integrator::drift_kick_drift, .dt = .01, .weights = weights})
        .states[0]
        .w;
  };
  const Cloud limit = end(.5);
  double sum = 0, log_choose = 0;
  for (Index k = 0; k <= n; ++k) {
    if (k > 0) log_choose += std::log(static_cast<double>(n - k + 1) / static_cast<double>(k));
    const double share = static_cast<double>(k) / static_cast<double>(n);
    const Vector<double> squares = (end(share) - limit).rowwise().squaredNorm();
    sum += std::exp(log_choose - static_cast<double>(n) * std::log(2.0)) *
           (share * squares[0] + (1 - share) * squares[1]);
  }
  return sum;
}

TEST(PropagationOfChaos, OfTwoAtomsIsTheFiniteSumOfAnIndependentProgram) {
  const double of_16 = chaos(16), of_64 = chaos(64), of_256 = chaos(256);
  EXPECT_NEAR(of_16, .0737674686075, 1e-12);
  EXPECT_NEAR(of_64, .0191334749298, 1e-12);
  EXPECT_NEAR(of_256, .00482927427768, 1e-12);
  EXPECT_NEAR(std::log(of_64 / of_256) / std::log(4.0), 1, .02);
}

}  // namespace
}  // namespace starling::muon
