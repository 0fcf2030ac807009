#include "starling/systems/muon/flow.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "systems/muon/problem.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Vector;
using testing::at_rest;
using testing::grid;
using testing::particles;
using testing::problem;

constexpr Integrator steppers[] = {Integrator::muon, Integrator::nesterov, Integrator::strang,
                                   Integrator::drift_kick_drift, Integrator::discrete_gradient};

Flow flow_of(const Objective& objective, double epsilon, double gamma) {
  return {objective, Kinetic(objective.blocks(), {epsilon}), gamma};
}

TEST(MuonFlow, LosesEnergyAsTheIdentitySaysAndHasTheFiguresOfAnIndependentSolver) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  const History h =
      follow(flow, at_rest(particles(4, 3, 2)), std::vector<double>{0, .5, 1, 2, 5, 10, 20}, {});
  const double expected[] = {.155468990607394, .127684026820464, .089817809024778, .066324719392694,
                             .046841702778315, .044637145160368, .043354166842662};
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_NEAR(h.hamiltonian[i], expected[i], 1e-12) << h.times[i];
    EXPECT_NEAR(h.hamiltonian[0] - h.hamiltonian[i], h.dissipation[i], 2e-13);
  }
  EXPECT_NEAR(h.states[2].w(0, 0), 1.106384248647782, 1e-12);
  EXPECT_NEAR(h.states[2].p(0, 0), -.026859933211271, 1e-12);
}

TEST(MuonFlow, KeepsTheHamiltonianFallingWhileTheObjectiveRises) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  const History h =
      follow(flow, at_rest(particles(4, 3, 2)), std::vector<double>{.6989, 1.2270, 1.8855, 2.3367}, {});
  EXPECT_NEAR(h.objective[0], .0549496, 1e-7);
  EXPECT_NEAR(h.objective[1], .0853241, 1e-7);
  EXPECT_NEAR(h.objective[2], .0509088, 1e-7);
  EXPECT_NEAR(h.objective[3], .0604258, 1e-7);
  const History fine = follow(flow, at_rest(particles(4, 3, 2)), grid(10, .01), {});
  for (std::size_t i = 1; i < fine.times.size(); ++i) EXPECT_LT(fine.hamiltonian[i], fine.hamiltonian[i - 1]);
  const Flow other = flow_of(*objective, .05, .5);
  const History second =
      follow(other, at_rest(particles(4, 3, 2)), std::vector<double>{.5653, 1, 1.0761, 10}, {});
  EXPECT_NEAR(second.objective[0], .0547834, 1e-7);
  EXPECT_NEAR(second.objective[2], .1142725, 1e-7);
  EXPECT_NEAR(second.hamiltonian[1], .118581858302381, 1e-12);
  EXPECT_NEAR(second.hamiltonian[3], .043340957997896, 1e-12);
}

TEST(MuonFlow, StaysWithinTheBoundsOfTheory) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  const Cloud start = particles(4, 3, 2);
  std::vector<double> times = grid(10, .01);
  times.erase(times.begin());
  const History h = follow(flow, at_rest(start), times, {});
  double least = 9, most = 0, furthest = -9;
  for (std::size_t t = 0; t < times.size(); ++t) {
    Cloud v;
    flow.kinetic.velocity(h.states[t].p, equal_weights(4), v);
    const double ratio =
        v.cwiseProduct(h.states[t].p).sum() / 4 / flow.kinetic.energy(h.states[t].p, equal_weights(4));
    least = std::min(least, ratio);
    most = std::max(most, ratio);
    // dH/dt >= -2 γ K: no parameters beat the rate 2 γ.
    EXPECT_GE(h.hamiltonian[t], .155468990607394 * std::exp(-2 * times[t]));
    for (Index i = 0; i < 4; ++i) {
      const Eigen::MatrixXd moved = (h.states[t].w.row(i) - start.row(i)).reshaped<Eigen::RowMajor>(3, 2);
      furthest = std::max(furthest, math::singular_values(moved)[0] - times[t]);
    }
    if (std::abs(times[t] - 1) < 1e-9) {
      double at_one = 0;
      for (Index i = 0; i < 4; ++i)
        at_one = std::max(
            at_one,
            math::singular_values((h.states[t].w.row(i) - start.row(i)).reshaped<Eigen::RowMajor>(3, 2))[0]);
      EXPECT_NEAR(at_one, .646871001920773, 1e-12);
    }
  }
  EXPECT_NEAR(least, 1.623, 5e-4);
  EXPECT_NEAR(most, 1.99954, 5e-6);
  EXPECT_NEAR(furthest, -.0098, 5e-5);
}

double error_at_two(const Flow& flow, const History& reference, Integrator integrator, double dt) {
  const History h =
      follow(flow, at_rest(particles(4, 3, 2)), std::vector<double>{2}, {.integrator = integrator, .dt = dt});
  return (h.states[0].w - reference.states[0].w).norm() / 2;
}

TEST(MuonFlow, IntegratorsHaveTheirOrdersAndTheErrorsOfAnIndependentProgram) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  const History reference = follow(flow, at_rest(particles(4, 3, 2)), std::vector<double>{2}, {});
  const struct {
    Integrator integrator;
    double coarse, fine, order;
  } rows[] = {{Integrator::muon, 2.0067e-2, 6.4367e-4, .993},
              {Integrator::nesterov, 2.9491e-2, 1.4164e-3, .98},
              {Integrator::strang, 1.0222e-3, 9.9622e-7, 2.0},
              {Integrator::drift_kick_drift, 4.6739e-4, 4.5340e-7, 2.002}};
  for (const auto& row : rows) {
    const double coarse = error_at_two(flow, reference, row.integrator, .05),
                 half = error_at_two(flow, reference, row.integrator, 2.0 / 640),
                 fine = error_at_two(flow, reference, row.integrator, 2.0 / 1280);
    EXPECT_NEAR(coarse / row.coarse, 1, 1e-4);
    EXPECT_NEAR(fine / row.fine, 1, 1e-4);
    EXPECT_NEAR(std::log2(half / fine), row.order, .02);
  }
  const double coarse = error_at_two(flow, reference, Integrator::discrete_gradient, .0125),
               fine = error_at_two(flow, reference, Integrator::discrete_gradient, .00625);
  EXPECT_NEAR(std::log2(coarse / fine), 2, .05);
}

TEST(MuonFlow, TheDiscreteMethodsTakeTheStepsOfAnIndependentProgram) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  const std::vector<double> times = {.05, 1};
  const History muon =
      follow(flow, at_rest(particles(4, 3, 2)), times, {.integrator = Integrator::muon, .dt = .05});
  EXPECT_NEAR(muon.states[0].w(0, 0), 0.846126592417757, 1e-14);
  EXPECT_NEAR(muon.states[0].p(0, 0), -.009569561239320, 1e-14);
  EXPECT_NEAR(muon.states[1].w(0, 0), 1.113107792071080, 1e-13);
  EXPECT_NEAR(muon.hamiltonian[1], .091792498173053, 1e-13);
  const History nesterov =
      follow(flow, at_rest(particles(4, 3, 2)), times, {.integrator = Integrator::nesterov, .dt = .05});
  EXPECT_NEAR(nesterov.states[1].w(0, 0), 1.110016042787556, 1e-13);
  EXPECT_NEAR(nesterov.hamiltonian[1], .084343945031510, 1e-13);
  for (const double dt : {.2, .1, .05, .01}) {
    const History h =
        follow(flow, at_rest(particles(4, 3, 2)), grid(10, dt), {.integrator = Integrator::muon, .dt = dt});
    EXPECT_TRUE(std::ranges::is_sorted(h.hamiltonian, std::greater()));
  }
}

TEST(MuonFlow, DiscreteGradientsLoseExactlyWhatTheyDamp) {
  const auto objective = problem();
  for (const Reading reading : {Reading::particles, Reading::stacked}) {
    const auto rows = two_layer_objective(testing::features(), testing::targets(), Vector<double>::Ones(1));
    const Objective& j = reading == Reading::particles ? *objective : *rows;
    const Flow flow{j, Kinetic(j.blocks(), {.1}, reading), 1};
    State state = at_rest(reading == Reading::particles ? particles(4, 3, 2) : particles(6, 1, 2));
    const Vector<double> weights = equal_weights(state.w.rows());
    for (int i = 0; i < 100; ++i) {
      const State before = state;
      step(flow, Integrator::discrete_gradient, .05, weights, state);
      const double fall = hamiltonian(flow, before, weights) - hamiltonian(flow, state, weights);
      // What was damped: γ <P_mid, (W0 - W1)>.
      const double damped =
          weights.dot((0.5 * (before.p + state.p)).cwiseProduct(before.w - state.w).rowwise().sum());
      EXPECT_NEAR(fall, damped, 1e-14);
      EXPECT_GT(fall, 0);
    }
  }
}

// tanh(W - target) + (W - target)/10 as a force on one 2 x 2 matrix.
class SaturatingPull : public Objective {
 public:
  const std::vector<Block>& blocks() const override { return blocks_; }
  double value(const Cloud& w, const Vector<double>&, Cloud* forces) const override {
    const Cloud off = w - target();
    if (forces != nullptr) *forces = off.array().tanh().matrix() + .1 * off;
    return off.array().cosh().log().sum() + .05 * off.squaredNorm();
  }
  static Cloud target() {
    Cloud out(1, 4);
    out << 1, -.5, .25, .75;
    return out;
  }

 private:
  std::vector<Block> blocks_{{2, 2}};
};

TEST(MuonFlow, MuonsStepIsConformallySymplecticAndItsRivalsAreNot) {
  const SaturatingPull objective;
  const Flow flow{objective, Kinetic(objective.blocks(), {.3}), 1};
  const Vector<double> one = equal_weights(1);
  State start{Cloud(1, 4), Cloud(1, 4)};
  start.w << .3, -.2, .7, .1;
  start.p << .05, -.4, .2, .3;
  using Matrix = Eigen::Matrix<double, 8, 8>;
  const auto jacobian = [&](auto method) {
    Matrix out;
    constexpr double h = 1e-3;
    for (int i = 0; i < 8; ++i) {
      const auto end = [&](double shift) {
        State s = start;
        (i < 4 ? s.w(0, i) : s.p(0, i - 4)) += shift;
        method(s);
        Eigen::Matrix<double, 8, 1> both;
        both << s.w.transpose(), s.p.transpose();
        return both;
      };
      // Central differences of order six.
      out.col(i) =
          (45 * (end(h) - end(-h)) - 9 * (end(2 * h) - end(-2 * h)) + end(3 * h) - end(-3 * h)) / (60 * h);
    }
    return out;
  };
  Matrix omega = Matrix::Zero();
  omega.topRightCorner<4, 4>().setIdentity();
  omega.bottomLeftCorner<4, 4>() = -Eigen::Matrix4d::Identity();
  const auto defect = [&](const Matrix& j) {
    return (j.transpose() * omega * j - .9 * omega).cwiseAbs().maxCoeff();
  };
  const Matrix muon = jacobian([&](State& s) { step(flow, Integrator::muon, .1, one, s); });
  EXPECT_LT(defect(muon), 1e-11);
  EXPECT_NEAR(muon.determinant(), .6561, 1e-10);
  const Matrix nesterov = jacobian([&](State& s) { step(flow, Integrator::nesterov, .1, one, s); });
  EXPECT_NEAR(defect(nesterov), 1.39e-2, 1e-4);
  EXPECT_NEAR(nesterov.determinant(), .61740, 1e-5);
  const Matrix euler = jacobian([&](State& s) {
    Cloud g, v;
    objective.value(s.w, one, &g);
    flow.kinetic.velocity(s.p, one, v);
    s.w -= .1 * v;
    s.p = .9 * s.p + .1 * g;
  });
  EXPECT_NEAR(defect(euler), 1.57e-2, 1e-4);
  EXPECT_NEAR(euler.determinant(), .69060, 1e-5);
}

TEST(MuonFlow, LinearFeaturesMoveEveryParticleAlike) {
  base::Points<double> target(2, 3);
  target << 1, -.5, .3, .25, .75, -.2;
  const auto objective = mean_matrix_objective(target);
  const Flow flow = flow_of(*objective, .1, 1);
  const Cloud start = particles(6, 2, 3);
  const StepOptions options{.integrator = Integrator::muon, .dt = .05};
  const History many = follow(flow, at_rest(start), std::vector<double>{5}, options);
  const Cloud mean = many.states[0].w.colwise().mean();
  EXPECT_NEAR(mean(0, 0), .973346898343971, 1e-14);
  const History one = follow(flow, at_rest(start.colwise().mean()), std::vector<double>{5}, options);
  EXPECT_LT((mean - one.states[0].w).cwiseAbs().maxCoeff(), 1e-15);
  const Cloud moved = many.states[0].w - start;
  for (Index i = 1; i < 6; ++i) EXPECT_LT((moved.row(i) - moved.row(0)).cwiseAbs().maxCoeff(), 4e-15);
}

TEST(MuonFlow, SmallerEpsilonsTurnMoreAndFallFurther) {
  const struct {
    double epsilon, j10;
    int turns;
    double below;
  } rows[] = {{1, .0507562, 2, -1},
              {.3, .0464133, 4, 4.56},
              {.1, .0445763, 12, 2.77},
              {.03, .0419103, 20, 1.35},
              {.01, .0362443, 26, 1.18}};
  const auto objective = problem();
  for (const auto& row : rows) {
    const History h =
        follow(flow_of(*objective, row.epsilon, 1), at_rest(particles(4, 3, 2)), grid(10, .01), {});
    EXPECT_NEAR(h.objective.back(), row.j10, 5.1e-8);
    int turns = 0;
    for (std::size_t i = 2; i < h.objective.size(); ++i) {
      if ((h.objective[i] > h.objective[i - 1]) != (h.objective[i - 1] > h.objective[i - 2])) ++turns;
    }
    EXPECT_EQ(turns, row.turns);
    const auto below = std::ranges::find_if(h.objective, [](double j) { return j < .05; });
    if (row.below < 0) {
      EXPECT_EQ(below, h.objective.end());
    } else {
      EXPECT_NEAR(h.times[static_cast<std::size_t>(below - h.objective.begin())], row.below, 1e-9);
    }
  }
}

TEST(MuonFlow, TheStackedReadingLosesEnergyAsItsOwnIdentitySays) {
  const auto objective =
      two_layer_objective(testing::features(), testing::targets(), Vector<double>::Ones(1));
  const Flow flow{*objective, Kinetic(objective->blocks(), {.1}, Reading::stacked), 1};
  const Cloud rows =
      testing::table(6, 2, [](double i, double c) { return c == 0 ? std::sin(1 + i) : std::cos(2 * i); });
  const History h = follow(flow, at_rest(rows), std::vector<double>{0, 1, 2, 5, 10}, {});
  const double expected[] = {.317835327739553, .221935335760752, .102023201439951, .051506976399251,
                             .047630406869183};
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_NEAR(h.hamiltonian[i], expected[i], 1e-12);
    EXPECT_NEAR(h.hamiltonian[0] - h.hamiltonian[i], h.dissipation[i], 1e-13);
  }
  EXPECT_NEAR(h.objective[1], .122163429690485, 1e-12);
}

TEST(MuonFlow, GivesTheSameBytesHoweverOftenItIsLookedAt) {
  const auto objective = problem();
  const Flow flow = flow_of(*objective, .1, 1);
  for (const Integrator integrator : steppers) {
    const StepOptions options{.integrator = integrator, .dt = .05};
    const History often = follow(flow, at_rest(particles(4, 3, 2)), grid(1, .05), options);
    const History once = follow(flow, at_rest(particles(4, 3, 2)), std::vector<double>{1}, options);
    EXPECT_TRUE(often.states.back().w == once.states.back().w);
    EXPECT_EQ(often.dissipation.back(), once.dissipation.back());
  }
}

TEST(MuonFlow, NamesWhatItRefuses) {
  const auto objective = problem();
  const State start = at_rest(particles(4, 3, 2));
  const auto run = [&](double gamma, const std::vector<double>& times, const StepOptions& options) {
    follow(flow_of(*objective, .1, gamma), start, times, options);
  };
  EXPECT_THROW(run(0, {1}, {}), base::Error);
  EXPECT_THROW(run(1, {1, .5}, {}), base::Error);
  EXPECT_THROW(run(1, {-1}, {}), base::Error);
  EXPECT_THROW(run(1, {1}, {.integrator = Integrator::muon}), base::Error);
  EXPECT_THROW(run(1, {1}, {.integrator = Integrator::muon, .dt = .3}), base::Error);
  EXPECT_THROW(run(20, {1}, {.integrator = Integrator::muon, .dt = .1}), base::Error);
  EXPECT_THROW(follow(flow_of(*objective, .1, 1), at_rest(particles(4, 2, 2)), std::vector<double>{1}, {}),
               base::Error);
  EXPECT_THROW(Kinetic(objective->blocks(), {0}), base::Error);
  EXPECT_THROW(Kinetic(objective->blocks(), {.1, .1}), base::Error);
  EXPECT_THROW(Kinetic(objective->blocks(), {.1}, Reading::stacked), base::Error);
}

}  // namespace
}  // namespace starling::muon
