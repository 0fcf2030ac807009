#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "starling/systems/pinn/phases.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solver.h"
#include "study/scratch.h"

namespace starling::pinn {
namespace {

using study::testing::error_of;

SolverSpec with(const std::string& curriculum) {
  SolverSpec spec;
  spec.curriculum = curriculum;
  return spec;
}

// A wave that is carried around.
SolveSpec convection() {
  SolveSpec spec;
  spec.problem.equation =
      "param b = 30; u_t + b*u_x = 0; periodic x; domain x = 0..2*pi, t = 0..1; u(x, 0) = sin(x); exact u = "
      "sin(x - b*t)";
  spec.width = 10;
  spec.layers = 2;
  spec.activation = nets::JetActivation::sin;
  spec.points.interior = 400;
  spec.points.condition = 40;
  return spec;
}

double error_after_all(const SolveSpec& spec) {
  const Problem problem(spec);
  Solver solver(spec, problem);
  while (!solver.finished()) solver.step();
  EXPECT_EQ(solver.step_number(), all_steps(spec.solver));
  return solution_errors(problem, solver.solution()).front().relative;
}

TEST(Curriculum, HasAStageForEachValueAndTheEquationsOwnLast) {
  EXPECT_EQ(stages_of(with("")), std::vector<Coefficients>(1));
  EXPECT_EQ(stages_of(with(" b 10 2e1,  nu 0.1 -0.5 ")),
            (std::vector<Coefficients>{{{"b", 10}, {"nu", 0.1}}, {{"b", 20}, {"nu", -0.5}}, {}}));
  SolverSpec spec = with("b 1 2 3");
  spec.adam_steps = 10;
  spec.steps = 5;
  EXPECT_EQ(all_steps(spec), 60);
}

TEST(Curriculum, OfWrongWordsIsRefused) {
  const auto refused = [](const SolverSpec& spec, const std::string& words) {
    const std::string error = error_of([&] { stages_of(spec); });
    EXPECT_TRUE(error.starts_with("2: train.curriculum: ")) << error;
    EXPECT_NE(error.find(words), std::string::npos) << error;
  };
  refused(with("b"), "'b': expected a param and its values before the last, such as b 10 20");
  refused(with("b 1,"), "'': expected a param");
  refused(with("b 1 two"), "'two'; expected a number");
  refused(with("b 1 nan"), "'nan'; expected a number");
  refused(with("b 1 2, nu 3"), "'nu 3': 1 values; expected 2, as many as those before");
  refused(with("b 1, b 2"), "'b' is named twice");
  SolverSpec both = with("b 1");
  both.windows = 2;
  refused(both, "'b 1' beside 2 windows; expected train.windows = 1");
}

TEST(Curriculum, OfAParamThatTheEquationsLackOrThatMovesTheDomainIsRefused) {
  SolveSpec spec = convection();
  const auto refused = [&spec](const std::string& curriculum, const std::string& words) {
    spec.solver.curriculum = curriculum;
    const std::string error = error_of([&] { Problem{spec}; });
    EXPECT_NE(error.find("train.curriculum"), std::string::npos) << error;
    EXPECT_NE(error.find(words), std::string::npos) << error;
  };
  refused("c 10", "no param 'c' in the equation");
  spec.problem.equation = "param nu = 1; param l = 2; nu*u_xx = 1/nu; domain x = 0..l; u(0) = 0; u(l) = 0";
  refused("mu 10", "no param 'mu' in the equation; did you mean 'nu'?");
  refused("l 1", "the domain depends on l = 1");
  refused("nu 0", "nu = 0: problem.equation:1");
  spec.problem.equation = "u_xx = 1; domain x = 0..1; u(0) = 0; u(1) = 0";
  refused("nu 1", "no param 'nu' in the equation; expected param nu = ...");
}

TEST(Curriculum, SolvesTheStagesEquationsInTheirOrder) {
  SolveSpec spec = convection();
  spec.solver.curriculum = "b 2 8";
  const Problem problem(spec);
  ASSERT_EQ(problem.stages(), 3);
  EXPECT_EQ(problem.system_of(0).parameters.at("b"), 2);
  EXPECT_EQ(problem.system_of(1).parameters.at("b"), 8);
  EXPECT_EQ(&problem.system_of(2), &problem.system());
  spec.solver.steps = 7;
  Solver solver(spec, problem);
  for (int step = 0; step < 21; ++step) {
    EXPECT_FALSE(solver.finished());
    solver.step();
    EXPECT_EQ(solver.stage(), step / 7) << step;
  }
  EXPECT_TRUE(solver.finished());
}

// A stage is a training of its own that starts from the parameters of the one before.
TEST(Curriculum, OfTheEquationsOwnValueTrainsThemTwice) {
  SolveSpec spec = convection(), longer = spec;
  spec.solver.method = longer.solver.method = SolveMethod::ssbroyden;
  spec.solver.curriculum = "b 30";
  spec.solver.steps = 5;
  longer.solver.schedule = "ssbroyden 5, ssbroyden 5";  // each begins without memory
  const auto end_of = [](const SolveSpec& one) {
    const Problem problem(one);
    Solver solver(one, problem);
    while (!solver.finished()) solver.step();
    return solver.solution();
  };
  EXPECT_EQ(end_of(spec), end_of(longer));
}

// A reaction so fast that plain training ends at u = 0, which solves the equation too, everywhere but at the
// start.
TEST(Curriculum, FindsTheSolutionWhereAsManyStepsOfTheEquationsAloneDoNot) {
  SolveSpec spec;
  spec.problem.equation =
      "param rho = 20; let h = exp(-(x - pi)^2*8/pi^2); u_t = rho*u*(1 - u); domain x = 0..2*pi, t = 0..1; "
      "u(x, 0) = h;"
      "exact u = h*exp(rho*t)/(h*exp(rho*t) + 1 - h)";
  spec.width = 10;
  spec.layers = 2;
  spec.points.interior = 300;
  spec.points.condition = 60;
  spec.solver.curriculum = "rho 2 5 10";
  spec.solver.steps = 200;
  EXPECT_LT(error_after_all(spec), 0.1);
  spec.solver.curriculum = "";
  spec.solver.steps = 800;
  EXPECT_GT(error_after_all(spec), 0.9);
}

TEST(Curriculum, ContinuesFromACheckpointToTheBit) {
  for (const auto method : {SolveMethod::ssbroyden, SolveMethod::levenberg_marquardt}) {
    SolveSpec spec = convection();
    spec.solver.curriculum = "b 5 10";
    spec.solver.method = method;
    spec.solver.adam_steps = 5;
    spec.solver.steps = 8;
    spec.points.sampling = Sampling::adaptive;
    spec.points.renew_every = 6;
    spec.points.pool = 500;
    spec.solver.stop = Stop::held_out;
    const Problem problem(spec);
    Solver whole(spec, problem);
    while (!whole.finished()) whole.step();
    for (const int cut : {3, 5, 6, 13, 14, 27, 33}) {
      Solver first(spec, problem), second(spec, problem);
      for (int step = 0; step < cut; ++step) first.step();
      second.restore(first.checkpoint(), "checkpoint");
      EXPECT_EQ(second.stage(), first.stage());
      while (!second.finished()) second.step();
      EXPECT_EQ(second.solution(), whole.solution()) << cut;
    }
  }
}

}  // namespace
}  // namespace starling::pinn
