#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/npy.h"
#include "starling/systems/muon/app.h"
#include "starling/systems/muon/matrix_monitor.h"
#include "study/job_test.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Points;

class TrainJob : public study::testing::JobTest {
 protected:
  TrainJob() : JobTest(system()) {}

  // Three normal columns and, as a fourth, a function of them, far from mean 0 and variance 1.
  std::string regression_file() const {
    Points<double> table(300, 4);
    base::Stream(1, 0, "test")
        .fill_normal(std::span<double>(table.data(), static_cast<std::size_t>(table.size())));
    for (Index i = 0; i < table.rows(); ++i) table(i, 3) = 100 + 20 * table(i, 0) - 5 * table(i, 1);
    base::write_file_atomically(folder_ / "table.npy", data::encode_npy(table));
    return folder_ / "table.npy";
  }
  TrainSpec regression() const {
    TrainSpec spec;
    spec.data.file.path = regression_file();
    spec.data.target_columns = 1;
    spec.network = {.width = 16, .layers = 2};
    spec.batch = 32;
    spec.steps = 200;
    return spec;
  }
};

TEST_F(TrainJob, ScalesByTheTrainingPointsAndSeesEachOnceAnEpoch) {
  const TrainSpec spec = regression();
  const TrainProblem problem(spec);
  EXPECT_EQ(problem.training().size(), 240);
  EXPECT_EQ(problem.held_out().size(), 60);
  for (const Points<float>* columns : {&problem.training().inputs, &problem.training().targets}) {
    for (Index k = 0; k < columns->cols(); ++k) {
      EXPECT_NEAR(columns->col(k).mean(), 0, 1e-4);
      EXPECT_NEAR(columns->col(k).squaredNorm() / 240, 1, 1e-3);
    }
  }
  std::multiset<float> seen, all;
  Sample batch;
  for (std::int64_t step = 0; step < 15; ++step) {  // two epochs
    problem.draw(step, 32, batch);
    for (Index i = 0; i < 32; ++i) seen.insert(batch.inputs(i, 0));
  }
  for (Index i = 0; i < 240; ++i)
    all.insert({problem.training().inputs(i, 0), problem.training().inputs(i, 0)});
  EXPECT_EQ(seen, all);
}

TEST_F(TrainJob, LearnsALinearFunctionByEveryOptimiserAndArchitecture) {
  using optim::Rule;
  for (const Architecture kind : {Architecture::perceptron, Architecture::experts}) {
    for (const auto& [rule, rate] : std::vector<std::pair<Rule, double>>{{Rule::adamw, 0.01},
                                                                         {Rule::muon, 0.02},
                                                                         {Rule::normuon, 0.02},
                                                                         {Rule::shampoo, 0.02},
                                                                         {Rule::soap, 0.01},
                                                                         {Rule::lion, 0.002}}) {
      TrainSpec spec = regression();
      spec.network.kind = kind;
      spec.network.hidden = 8;
      spec.trainer.rule = rule;
      spec.trainer.others = 0.5;
      spec.schedule = {.rate = rate, .warm_up = 10, .decay = optim::Decay::cosine};
      const TrainProblem problem(spec);
      Learner learner(spec, problem);
      LearnerState state = learner.start();
      while (state.step < spec.steps) learner.step(state);
      const auto losses = learner.judge(state.parameters, problem.held_out()).losses;
      const double mean =
          std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
      EXPECT_LT(mean, 0.05) << "of 0.5 without learning; rule " << static_cast<int>(rule) << ", kind "
                            << static_cast<int>(kind);
    }
  }
}

TEST_F(TrainJob, InterruptedAndResumedGivesTheSameBytes) {
  TrainSpec spec = regression();
  spec.steps = 30;
  spec.checkpoint_every = 7;
  spec.schedule.rate = 20;  // warns, also that which a resumed run must not say again
  for (const auto rule : {optim::Rule::muon, optim::Rule::soap}) {
    spec.trainer.rule = rule;
    const std::string tag = std::to_string(static_cast<int>(rule));
    const auto whole = run(spec, "whole" + tag);
    int steps = 0;
    EXPECT_THROW(run(spec, "cut" + tag, false, [&steps] { return ++steps == 12; }), base::Error);
    const auto cut = run(spec, "cut" + tag, true);
    EXPECT_TRUE(base::read_file(whole.path() / "model.safetensors") ==
                base::read_file(cut.path() / "model.safetensors"));
    const study::Store one(whole.database()), other(cut.database());
    ASSERT_EQ(one.series_names().size(), other.series_names().size());
    for (const auto& name : one.series_names()) {
      const auto a = one.series(name.task, name.name), b = other.series(name.task, name.name);
      ASSERT_EQ(a.size(), b.size()) << name.name;
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].value, b[i].value) << name.name;
    }
    ASSERT_EQ(one.warnings().size(), other.warnings().size());
    for (std::size_t i = 0; i < one.warnings().size(); ++i)
      EXPECT_EQ(one.warnings()[i].text, other.warnings()[i].text);
  }
}

TEST_F(TrainJob, WarnsBeyondTheStabilityThresholdAndNamesIt) {
  TrainSpec spec = regression();
  spec.steps = 40;
  spec.schedule.rate = 20;
  spec.trainer.others = 0;
  const study::Store store(run(spec, "wild").database());
  ASSERT_FALSE(store.warnings().empty());
  EXPECT_NE(store.warnings()[0].text.find("beyond the stability threshold"), std::string::npos);
  spec.schedule.rate = 1e-4;
  EXPECT_TRUE(study::Store(run(spec, "tame").database()).warnings().empty());
}

TEST_F(TrainJob, DivergenceNamesTheStepAndTheLastCheckpoint) {
  TrainSpec spec = regression();
  spec.trainer.rule = optim::Rule::sgd;
  spec.schedule.rate = 1e6;
  try {
    run(spec, "run");
    FAIL() << "expected an error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::numerical);
    EXPECT_NE(std::string(error.what()).find("step "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("checkpoint"), std::string::npos) << error.what();
  }
}

TEST_F(TrainJob, PredictsInTheUnitsOfTheData) {
  TrainSpec spec = regression();
  spec.steps = 400;
  spec.schedule = {.rate = 0.02, .decay = optim::Decay::cosine};
  spec.trainer.others = 0.5;
  const auto directory = run(spec, "run");
  Points<double> x(2, 3);
  x << 1, 0, 0.2, -0.5, 1, -0.3;
  base::write_file_atomically(folder_ / "x.npy", data::encode_npy(x));
  system().predict(directory, {folder_ / "x.npy", folder_ / "y.npy"});
  const data::Array y = data::parse_npy(base::read_file(folder_ / "y.npy"), "y.npy");
  ASSERT_EQ(y.values.size(), 2U);
  EXPECT_NEAR(y.values[0], 120, 5);
  EXPECT_NEAR(y.values[1], 85, 5);
  EXPECT_THROW(system().predict(directory, {folder_ / "table.npy", folder_ / "y.npy"}), base::Error);
  EXPECT_THROW(system().predict(directory, {folder_ / "x.npy", folder_ / "y.png"}), base::Error);
}

TEST_F(TrainJob, RefusesWhatDoesNotFit) {
  TrainSpec spec = regression();
  spec.data.target_columns = 4;
  EXPECT_THROW(TrainProblem{spec}, base::Error);
  spec.data.target_columns = 0;  // and no labels
  EXPECT_THROW(TrainProblem{spec}, base::Error);
  spec.data.file.path.clear();
  EXPECT_THROW(TrainProblem{spec}, base::Error);
}

double number(const MatrixMeasures& measures, const std::string& name) {
  for (const auto& [key, value] : measures.numbers) {
    if (key == name) return value;
  }
  return std::nan("");
}

TEST_F(TrainJob, MeasuresStepsThatAreOrthogonalAndHeldAgainstEachOther) {
  TrainSpec spec = regression();
  spec.trainer.epsilon = 1e-3;
  const TrainProblem problem(spec);
  Learner learner(spec, problem);
  MatrixMonitor monitor(spec, learner.trained_blocks());
  LearnerState state = learner.start();
  const std::vector<float> before = state.moved;
  const StepReport report = learner.step(state);
  monitor.after_step(state, before);
  EXPECT_EQ(monitor.step_cosine(), 0) << "no step came before";
  const MatrixMeasures measures = monitor.measure(state, report, 2, 1);
  EXPECT_EQ(measures.update.size(), 16U);  // of the one matrix between two layers
  EXPECT_LT(number(measures, "below_epsilon"), 0.8);
  // <M, f(M)>/Ψ lies in [1, 2], and H = J + kinetic energy above J.
  EXPECT_GE(number(measures, "fenchel_ratio"), 1);
  EXPECT_LE(number(measures, "fenchel_ratio"), 2);
  EXPECT_GT(number(measures, "hamiltonian"), 2);
  EXPECT_GT(number(measures, "dissipated"), 0);
  std::vector<float> back = state.moved;
  for (float& x : back) x = -x;
  std::swap(back, state.moved);
  monitor.after_step(state, back);
  EXPECT_NEAR(monitor.step_cosine(), -1, 1e-6);
}

}  // namespace
}  // namespace starling::muon
