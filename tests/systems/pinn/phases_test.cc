#include "starling/systems/pinn/phases.h"

#include <gtest/gtest.h>

#include <functional>

#include "starling/base/error.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solver.h"

namespace starling::pinn {
namespace {

SolverSpec scheduled(const std::string& schedule) {
  SolverSpec spec;
  spec.schedule = schedule;
  return spec;
}

TEST(Phases, AreTheFirstRuleThenTheMethodUnlessScheduled) {
  SolverSpec spec{.first = optim::Rule::muon, .adam_steps = 30, .steps = 70};
  std::vector<Phase> phases = phases_of(spec);
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].rule, optim::Rule::muon);
  EXPECT_EQ(phases[1].method, SolveMethod::ssbroyden);
  EXPECT_EQ(all_steps(spec), 100);
  spec.windows = 3;
  EXPECT_EQ(all_steps(spec), 300);
  spec.adam_steps = 0;
  EXPECT_EQ(phases_of(spec).size(), 1U);
}

TEST(Phases, OfAScheduleHaveTheirOwnRates) {
  const std::vector<Phase> phases =
      phases_of(scheduled(" muon 500 0.02 cosine, adam 1000,lbfgs 20 , normuon 5 cosine"));
  ASSERT_EQ(phases.size(), 4U);
  EXPECT_EQ(phases[0].rule, optim::Rule::muon);
  EXPECT_EQ(phases[0].steps, 500);
  EXPECT_EQ(phases[0].rate, 0.02);
  EXPECT_EQ(phases[0].decay, optim::Decay::cosine);
  EXPECT_EQ(phases[1].rule, optim::Rule::adamw);
  EXPECT_EQ(phases[1].rate, 1e-3);
  EXPECT_EQ(phases[1].decay, optim::Decay::constant);
  EXPECT_FALSE(phases[2].rule.has_value());
  EXPECT_EQ(phases[2].method, SolveMethod::lbfgs);
  EXPECT_EQ(phases[3].decay, optim::Decay::cosine);
}

TEST(Phases, OfAWrongScheduleAreNamed) {
  const auto refused = [](const std::string& schedule, const std::string& words) {
    try {
      phases_of(scheduled(schedule));
      FAIL() << schedule;
    } catch (const base::Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  refused("adam 10, moun 500",
          "train.schedule: phase 2, 'moun 500': unknown method 'moun'; did you mean 'muon'?");
  refused("adam 10,", "phase 2, '': expected a name and its steps");
  refused("adam ten", "'ten' steps; expected 1 to 1e9");
  refused("adam 10 -1", "a rate of -1; expected one above 0");
  refused("adam 10 0.1 linear", "'linear'; expected a rate, then cosine or constant");
  refused("ssbroyden 10 0.1", "'0.1' after the steps; ssbroyden takes no rate");
  SolverSpec both = scheduled("adam 10");
  both.adam_steps = 5;
  EXPECT_THROW(phases_of(both), base::Error);
}

SolveSpec heat_in_phases(const std::string& schedule) {
  SolveSpec spec;
  spec.problem.equation =
      "u_t = 0.1*u_xx; domain x = 0..1, t = 0..1; u(x, 0) = sin(pi*x); u(0, t) = 0; u(1, t) = 0; exact u = "
      "exp(-0.1*pi^2*t)*sin(pi*x)";
  spec.width = 8;
  spec.layers = 3;
  spec.points.interior = 200;
  spec.points.condition = 40;
  spec.solver.schedule = schedule;
  return spec;
}

TEST(Phases, EachContinueFromACheckpointToTheBit) {
  SolveSpec spec = heat_in_phases("muon 6 0.01 cosine, ssbroyden 8, adamuon 5 0.002, levenberg_marquardt 4");
  spec.solver.weight_decay = 0.1;
  const Problem problem(spec);
  const auto run = [](Solver& solver, int steps) {
    for (int i = 0; i < steps; ++i) solver.step();
    return solver.solution();
  };
  Solver whole(spec, problem);
  const std::vector<double> end = run(whole, 23);
  EXPECT_TRUE(whole.finished());
  for (const int cut : {3, 6, 7, 14, 16, 19, 21}) {
    Solver first(spec, problem), second(spec, problem);
    run(first, cut);
    second.restore(first.checkpoint(), "checkpoint");
    EXPECT_EQ(run(second, 23 - cut), end) << cut;
  }
}

TEST(Phases, WeightDecayShrinksParameters) {
  const auto size_after = [](double decay) {
    SolveSpec spec = heat_in_phases("adam 100 0.01");
    spec.solver.weight_decay = decay;
    const Problem problem(spec);
    Solver solver(spec, problem);
    while (!solver.finished()) solver.step();
    double squares = 0;
    for (const double value : solver.parameters()) squares += value * value;
    return squares;
  };
  EXPECT_LT(size_after(1), 0.5 * size_after(0));
}

TEST(HeldOut, TrainingEndsWithTheParametersThatWereBestThere) {
  SolveSpec spec = heat_in_phases("ssbroyden 4000");
  spec.points.interior = 20;  // few enough to be fitted without being a solution
  spec.points.condition = 8;
  spec.solver.stop = Stop::held_out;
  spec.solver.held_out = 0.2;
  spec.solver.patience = 200;
  const Problem problem(spec);
  Solver solver(spec, problem);
  while (!solver.finished()) solver.step();
  ASSERT_TRUE(solver.held_out().has_value());
  const Solver::HeldOut found = *solver.held_out();
  EXPECT_LT(solver.step_number(), 4000);
  EXPECT_GE(solver.step_number(), found.step);
  EXPECT_EQ(solver.interior().size(), 2U * 16);
  // Less patience ends it where the loss held out has not fallen for as long.
  SolveSpec hasty = spec;
  hasty.solver.patience = 20;
  Solver stopped(hasty, problem);
  while (!stopped.finished()) stopped.step();
  EXPECT_TRUE(stopped.held_out()->stopped);
  EXPECT_LT(stopped.step_number(), solver.step_number());
  // The same training, cut off at the best step.
  SolveSpec cut = spec;
  cut.solver.schedule = "ssbroyden " + std::to_string(found.step);
  Solver shorter(cut, problem);
  while (!shorter.finished()) shorter.step();
  EXPECT_EQ(shorter.solution(), solver.solution());
}

}  // namespace
}  // namespace starling::pinn
