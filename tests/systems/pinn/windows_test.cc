#include "starling/systems/pinn/windows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "starling/base/error.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solver.h"
#include "study/scratch.h"

namespace starling::pinn {
namespace {

using study::testing::error_of;

// A wave that is carried around, in two windows and two phases.
SolveSpec convection() {
  SolveSpec spec;
  spec.problem.equation =
      "u_t + 10*u_x = 0; periodic x; domain x = 0..2*pi, t = 0..1; u(x, 0) = sin(x); exact u = sin(x - 10*t)";
  spec.width = 8;
  spec.layers = 2;
  spec.activation = nets::JetActivation::sin;
  spec.points.interior = 200;
  spec.points.condition = 40;
  spec.solver.adam_steps = 5;
  spec.solver.steps = 15;
  spec.solver.windows = 2;
  return spec;
}

std::vector<double> advance(Solver& solver, int steps) {
  for (int i = 0; i < steps; ++i) solver.step();
  return solver.solution();
}

TEST(Windows, ShareTheTimeAndEachPointBelongsToOne) {
  const System system = parse_system("u_t = u_xx; domain x = 0..1, t = 1..3");
  const System second = within_window(system, 4, 1);
  EXPECT_EQ(second.domain->low, (std::vector<double>{0, 1.5}));
  EXPECT_EQ(second.domain->high, (std::vector<double>{1, 2}));
  EXPECT_EQ(within_window(system, 3, 2).domain->high[1], 3);
  for (const auto& [t, number] :
       {std::pair{0.0, 0}, {1.0, 0}, {1.49, 0}, {1.5, 1}, {2.99, 3}, {3.0, 3}, {9.0, 3}})
    EXPECT_EQ(window_of(system, 4, t), number) << t;
}

TEST(Windows, CarryWhatTheDerivativesInTimeAskFor) {
  System heat = parse_system("unknowns u, p; u_t = u_xx + p; p_xx = u; domain x = 0..1, t = 0..1");
  EXPECT_EQ(carried_nodes(heat, 2, false), (std::vector<int>{heat.graph.symbol({.unknown = 0})}));
  System wave = parse_system("u_tt = u_xx; domain x = 0..1, t = 0..1");
  Symbol rate;
  rate.index[1] = 1;
  EXPECT_EQ(carried_nodes(wave, 2, false),
            (std::vector<int>{wave.graph.symbol({}), wave.graph.symbol(rate)}));
}

TEST(Windows, RefuseWhatIsAskedOfAllTimesTogether) {
  const auto refused = [](const std::string& equation, const std::string& words, bool measured = false) {
    System system = parse_system(equation);
    const std::string error = error_of([&] { carried_nodes(system, 4, measured); });
    EXPECT_TRUE(error.starts_with("2: train.windows: ")) << error;
    EXPECT_NE(error.find(words), std::string::npos) << error;
    EXPECT_TRUE(carried_nodes(system, 1, measured).empty());
  };
  refused("u_xx = 1; domain x = 0..1", "no axis t");
  refused("u_xx = t; domain x = 0..1, t = 0..1", "no derivative in t");
  refused("learn k init 1; u_t = k*u_xx; domain x = 0..1, t = 0..1", "'k' is learned");
  refused("u_t = u_xx; domain x = 0..1, t = 0..1", "problem.data", true);
  refused("u_t = u_xx; periodic t; domain x = 0..1, t = 0..1", "t is periodic");
  refused("u_t = u_xx; domain x = 0..1, t = 0..1; u(x, 1) = 0",
          "line 1 holds at t = 1, which is not the first");
  refused("u_t = u_xx; domain x = 0..1, t = 0..1; u(0, t) = 0 where t < 0.1", "in window 2 of 4");
}

TEST(Windows, ASolutionJoinsWhereTheyMeet) {
  SolveSpec spec = convection();
  spec.solver.adam_steps = 0;
  spec.solver.steps = 500;
  const Problem problem(spec);
  Solver solver(spec, problem);
  while (!solver.finished()) solver.step();
  EXPECT_EQ(solver.step_number(), 1000);
  const std::vector<double> all = solver.solution();
  EXPECT_LT(solution_errors(problem, all).front().relative, 1e-2);
  const std::vector<double> before =
                                values_of(problem, {problem.quantities()[0].node}, all, {{1.0, 0.5 - 1e-12}}),
                            after = values_of(problem, {problem.quantities()[0].node}, all, {{1.0, 0.5}});
  EXPECT_NE(before[0], after[0]);  // of two networks
  EXPECT_NEAR(before[0], after[0], 2e-3);
}

// Plain training of so few steps leaves an error of one half.
TEST(Windows, SolveWhatOneNetworkOfAsManyStepsDoesNot) {
  SolveSpec spec = convection();
  spec.problem.equation =
      "u_t + 40*u_x = 0; periodic x; domain x = 0..2*pi, t = 0..1; u(x, 0) = sin(x); exact u = sin(x - 40*t)";
  spec.width = 10;
  spec.solver.adam_steps = 0;
  std::vector<double> errors;
  for (const std::int64_t windows : {1, 8}) {
    spec.solver.windows = windows;
    spec.solver.steps = 1600 / windows;
    const Problem problem(spec);
    Solver solver(spec, problem);
    while (!solver.finished()) solver.step();
    errors.push_back(solution_errors(problem, solver.solution()).front().relative);
  }
  EXPECT_GT(errors[0], 10 * errors[1]) << errors[0] << " " << errors[1];
}

TEST(Windows, ContinueFromACheckpointToTheBit) {
  for (const auto method : {SolveMethod::ssbroyden, SolveMethod::levenberg_marquardt}) {
    SolveSpec spec = convection();
    spec.solver.method = method;
    spec.points.sampling = Sampling::adaptive;
    spec.points.renew_every = 8;
    spec.points.pool = 400;
    spec.points.causal = 1;
    spec.solver.stop = Stop::held_out;
    const Problem problem(spec);
    Solver whole(spec, problem);
    const std::vector<double> end = advance(whole, 40);
    EXPECT_TRUE(whole.finished());
    for (const int cut : {3, 20, 21, 25, 26, 37}) {
      Solver first(spec, problem), second(spec, problem);
      advance(first, cut);
      second.restore(first.checkpoint(), "checkpoint");
      EXPECT_EQ(second.window(), first.window());
      EXPECT_EQ(advance(second, 40 - cut), end) << cut;
    }
  }
}

}  // namespace
}  // namespace starling::pinn
