#include "starling/systems/muon/objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/systems/muon/moe_objective.h"
#include "systems/muon/problem.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Vector;
using testing::table;

// Three experts on three tokens: theta_b of expert i [r, c] = .8 sin(1 + i + 2b + 3r + 5c).
std::unique_ptr<Objective> block_problem() {
  return moe_objective(table(3, 3, [](double i, double j) { return std::sin(1 + i + 2 * j); }),
                       table(3, 3, [](double i, double j) { return std::cos(1 + 2 * i + j); }),
                       {.width = 3, .head = 2, .hidden = 4});
}
Cloud experts(const Objective& objective, Index n) {
  Cloud out(n, objective.particle_size());
  for (Index i = 0; i < n; ++i) {
    Index at = 0;
    for (std::size_t b = 0; b < objective.blocks().size(); ++b) {
      const Block& block = objective.blocks()[b];
      for (Index r = 0; r < block.rows; ++r) {
        for (Index c = 0; c < block.columns; ++c)
          out(i, at++) =
              .8 * std::sin(1.0 + static_cast<double>(i + 2 * static_cast<Index>(b) + 3 * r + 5 * c));
      }
    }
  }
  return out;
}

void forces_are_differences(const Objective& objective, const Cloud& w, const Vector<double>& weights) {
  Cloud g;
  objective.value(w, weights, &g);
  ASSERT_EQ(g.rows(), w.rows());
  ASSERT_EQ(g.cols(), w.cols());
  constexpr double h = 1e-5;
  for (Index i = 0; i < w.rows(); ++i) {
    for (Index j = 0; j < w.cols(); ++j) {
      Cloud up = w, down = w;
      up(i, j) += h;
      down(i, j) -= h;
      const double slope =
          (objective.value(up, weights, nullptr) - objective.value(down, weights, nullptr)) / (2 * h);
      EXPECT_NEAR(g(i, j), slope / weights[i], 1e-8 * (1 + std::abs(g(i, j)))) << i << " " << j;
    }
  }
}

TEST(MuonObjective, ForcesAreTheGradientOverTheParticlesWeight) {
  Vector<double> weights(3);
  weights << .2, .5, .3;
  const auto network = testing::problem();
  const auto matrix = mean_matrix_objective(table(2, 3, [](double i, double j) { return i - .3 * j; }));
  const auto squares = least_squares_objective(Vector<double>::LinSpaced(2, 1, .1),
                                               table(2, 3, [](double i, double j) { return i - .3 * j; }),
                                               Vector<double>::LinSpaced(3, 1, .2));
  const auto block = block_problem();
  forces_are_differences(*network, testing::particles(3, 3, 2), weights);
  forces_are_differences(*matrix, testing::particles(3, 2, 3), weights);
  forces_are_differences(*squares, testing::particles(3, 2, 3), weights);
  forces_are_differences(*block, experts(*block, 3), weights);
}

TEST(MuonObjective, OfOneParticleIsThatOfItsCopies) {
  for (const auto& objective : {testing::problem(), block_problem()}) {
    const Cloud one = objective->blocks().size() == 1 ? testing::particles(1, 3, 2) : experts(*objective, 1);
    Cloud g1, g3;
    const double alone = objective->value(one, equal_weights(1), &g1);
    EXPECT_NEAR(objective->value(one.replicate(3, 1), equal_weights(3), &g3), alone, 1e-15);
    EXPECT_LT((g3.row(2) - g1).cwiseAbs().maxCoeff(), 1e-15);
  }
}

TEST(MoeFlow, HasTheFiguresOfAnIndependentProgram) {
  const auto objective = block_problem();
  const Cloud start = experts(*objective, 3);
  Cloud g;
  EXPECT_NEAR(objective->value(start, equal_weights(3), &g), .425459030854818, 1e-14);
  EXPECT_NEAR(g(0, 0), -.009636266579160, 1e-14);
  EXPECT_NEAR(g(1, objective->particle_size() - 3), .123801403003105, 1e-14);
  const Flow flow{*objective, Kinetic(objective->blocks(), {.05}), 1};
  const History h =
      follow(flow, testing::at_rest(start), std::vector<double>{0, 1, 1.7810, 1.9841, 2, 5}, {});
  EXPECT_NEAR(h.hamiltonian[1], .217955673108116, 1e-12);
  EXPECT_NEAR(h.objective[2], .0122876, 1e-7);
  EXPECT_NEAR(h.objective[3], .0214400, 1e-7);
  EXPECT_NEAR(h.hamiltonian[4], .057711529728308, 1e-12);
  EXPECT_NEAR(h.hamiltonian[5], .001713416264213, 1e-12);
  for (std::size_t i = 0; i < h.times.size(); ++i)
    EXPECT_NEAR(h.hamiltonian[0] - h.hamiltonian[i], h.dissipation[i], 4e-13);
}

TEST(MoeFlow, SurvivesGatesThatOverflowAnExponential) {
  const auto objective = block_problem();
  Cloud w = experts(*objective, 3);
  w.rightCols(3) *= 2000;
  Cloud g;
  EXPECT_TRUE(std::isfinite(objective->value(w, equal_weights(3), &g)));
  EXPECT_TRUE(g.allFinite());
}

TEST(MuonObjective, NamesWhatDoesNotFit) {
  EXPECT_THROW(two_layer_objective(testing::features(), Vector<double>::Zero(4), testing::readout()),
               base::Error);
  EXPECT_THROW(two_layer_objective(base::Points<double>(0, 2), Vector<double>(0), testing::readout()),
               base::Error);
  base::Points<double> lost = testing::features();
  lost(1, 1) = std::nan("");
  EXPECT_THROW(two_layer_objective(lost, testing::targets(), testing::readout()), base::Error);
  EXPECT_THROW(mean_matrix_objective(base::Points<double>(0, 3)), base::Error);
  EXPECT_THROW(moe_objective(testing::features(), testing::features(), {.width = 3, .head = 1, .hidden = 1}),
               base::Error);
}

}  // namespace
}  // namespace starling::muon
