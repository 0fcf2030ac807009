#include "starling/systems/pinn/solved_bound.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/systems/pinn/bound_norms.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/solution.h"
#include "study/scratch.h"

namespace starling::pinn {
namespace {

class Generalisation : public study::testing::Scratch {
 protected:
  // What a network that nobody trained is told.
  std::vector<study::Metric> told(const std::string& equation) const {
    const std::filesystem::path data = folder_ / "data.csv";
    base::write_file_atomically(data, "x,t,u\n0.5,0.5,1\n");
    SolveSpec spec;
    spec.problem.equation = equation;
    if (equation.starts_with("learn")) spec.problem.data = data;
    spec.width = 4;
    spec.layers = 2;
    const Problem problem(spec);
    const std::vector<double> parameters = initial_parameters(problem.system(), problem.network(), 1);
    study::Store store(folder_ / "run.db");
    record_generalisation(store, "g", problem, parameters,
                          interior_points(problem.system(), 100, {1, 0, "trained"}),
                          interior_points(problem.system(), 1000, {1, 0, "fresh"}));
    return store.metrics();
  }
  static study::Metric named(const std::vector<study::Metric>& all, const std::string& name) {
    for (const study::Metric& metric : all) {
      if (metric.name == name) return metric;
    }
    ADD_FAILURE() << "no metric " << name;
    return {};
  }
};

TEST_F(Generalisation, StandsBesideAHoldOutBoundAndVacuousOnesSaySo) {
  const auto all = told("u_t + u*u_x = u_xx; domain x = 0..1, t = 0..1; u(0, t) = 0");
  const study::Metric gap = named(all, "equation of line 1: gap"),
                      holdout = named(all, "equation of line 1: hold-out bound"),
                      bound = named(all, "equation of line 1: gap bound");
  EXPECT_LT(*gap.lower, gap.value);
  EXPECT_LT(gap.value, *gap.upper);
  EXPECT_GT(holdout.value, 0);
  EXPECT_GT(bound.value, gap.value);
  EXPECT_NE(bound.note.find("vacuous"), std::string::npos) << bound.note;
  double sum = 0;
  for (const char* term : {"u_t", "u*u_x", "u_xx"})
    sum += named(all, std::string("equation of line 1: term ") + term).value;
  EXPECT_NEAR(named(all, "equation of line 1: complexity bound").value, sum, 1e-9 * sum);
  EXPECT_NE(named(all, "bound: log10 weight factor").note.find("reconstruction"), std::string::npos);
}

TEST_F(Generalisation, CountsLearnedCoefficientsWithTheirValues) {
  const auto all = told("learn k init 0.25 positive; u_t = k*u_xx; domain x = 0..1, t = 0..1");
  EXPECT_NE(named(all, "equation of line 1: term u_xx").note.find("|a| 0.25 x"), std::string::npos);
}

// u = x (1 - x) n: the coefficient of n_x in u_x is x (1 - x), of root mean square 1/√30.
TEST_F(Generalisation, CountsCoefficientsThatVaryWithTheirRootMeanSquare) {
  const auto all = told("unknowns n; let u = x*(1 - x)*n; u_x = 1; domain x = 0..1");
  EXPECT_NE(named(all, "equation of line 1: term n_x").note.find("|a| 0.18"), std::string::npos)
      << named(all, "equation of line 1: term n_x").note;
}

TEST_F(Generalisation, DoesWithoutABoundOfThousandsOfTerms) {
  const auto all =
      told("u_t = (1 + x + u + u_x + u_t + u_xx + u_xxx + u_xxxx)^12; domain x = 0..1, t = 0..1");
  const study::Metric bound = named(all, "equation of line 1: complexity bound");
  EXPECT_TRUE(std::isnan(bound.value));
  EXPECT_NE(bound.note.find("more than"), std::string::npos) << bound.note;
}

TEST_F(Generalisation, HasNoNormsInThreeAxes) {
  const auto all = told("u_t = laplacian(u); axes x, y, t; domain x = 0..1, y = 0..1, t = 0..1");
  EXPECT_TRUE(std::isnan(named(all, "bound").value));
  EXPECT_GT(named(all, "equation of line 1: hold-out bound").value, 0);
}

}  // namespace
}  // namespace starling::pinn
