#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/table_file.h"
#include "starling/study/engine.h"
#include "starling/study/store.h"
#include "starling/systems/pinn/app.h"
#include "starling/systems/pinn/solver.h"

namespace starling::pinn {
namespace {

class SolveJob : public ::testing::Test {
 protected:
  SolveJob()
      : folder_(std::filesystem::temp_directory_path() /
                (std::string("starling-solve-") +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~SolveJob() override { std::filesystem::remove_all(folder_); }

  static SolveSpec small(const std::string& equation) {
    SolveSpec spec;
    spec.problem.equation = equation;
    spec.width = 8;
    spec.layers = 2;
    spec.points.interior = 100;
    spec.points.condition = 20;
    return spec;
  }
  study::RunDirectory run(SolveSpec spec, const std::string& name, bool resume = false) const {
    study::Description description;
    describe(description, spec);
    study::RunOptions options;
    options.out = folder_ / name;
    options.resume = resume;
    return study::run_spec({&system()}, study::template_text(description), "spec.toml", options);
  }
  std::string error_of(const SolveSpec& spec, const std::string& name, bool resume = false) const {
    try {
      run(spec, name, resume);
    } catch (const base::Error& error) {
      return std::to_string(error.exit_code()) + ": " + error.what();
    }
    return {};
  }
  static double metric(const study::RunDirectory& directory, const std::string& name) {
    for (const study::Metric& metric : study::Store(directory.database()).metrics()) {
      if (metric.name == name) return metric.value;
    }
    ADD_FAILURE() << "no metric " << name;
    return std::nan("");
  }

  std::filesystem::path folder_;
};

// The logarithm is of a negative number once the solution 1 + x is near.
TEST_F(SolveJob, AResidualThatIsNotFiniteIsNamedWithTheLastGoodCheckpoint) {
  SolveSpec spec = small("u_x = 1 + 0.000001*log(1.5 - u); domain x = 0..1; u(0) = 1");
  spec.solver.adam_steps = 2000;
  spec.solver.adam_rate = 0.01;
  spec.solver.checkpoint_every = 1;
  const std::string error = error_of(spec, "run");
  const std::filesystem::path checkpoint = folder_ / "run" / "checkpoint.safetensors";
  EXPECT_TRUE(error.starts_with("4: step ")) << error;
  for (const std::string& words :
       std::vector<std::string>{": the residual of the equations is ", " at x = 0.",
                                "; last good checkpoint: " + checkpoint.string() + "; "})
    EXPECT_NE(error.find(words), std::string::npos) << error;
  // It is good: the step before the one that is named, with a finite loss there.
  const Problem problem(spec);
  Solver solver(spec, problem);
  solver.restore(base::read_file(checkpoint), checkpoint.string());
  EXPECT_GT(solver.step_number(), 10);
  EXPECT_NO_THROW(solver.check());
  EXPECT_EQ(error_of(spec, "run", true), error);
}

TEST_F(SolveJob, WindowsArePredictedExportedAndReportedAsOneSolution) {
  SolveSpec spec = small(
      "u_t + 10*u_x = 0; periodic x; domain x = 0..2*pi, t = 0..1; u(x, 0) = sin(x); exact u = sin(x - "
      "10*t)");
  spec.activation = nets::JetActivation::sin;
  spec.solver.windows = 4;
  spec.solver.steps = 150;
  const study::RunDirectory done = run(spec, "run");
  EXPECT_LT(metric(done, "relative_error u"), 0.02);
  EXPECT_EQ(metric(done, "steps"), 600);
  EXPECT_LT(metric(done, "residual"), 1);
  base::write_file_atomically(folder_ / "points.csv", "x,t\n1,0.1\n1,0.4\n1,0.7\n1,1\n");
  system().predict(done, {.input = folder_ / "points.csv", .out = folder_ / "u.csv"});
  const auto table = data::read_table(folder_ / "u.csv");
  for (base::Index i = 0; i < 4; ++i)
    EXPECT_NEAR(table(i, 0), std::sin(1 - 10 * (i == 3 ? 1 : 0.1 + 0.3 * static_cast<double>(i))), 0.05) << i;
  const std::string model = base::read_file(done.path() / "model.safetensors");
  EXPECT_NE(model.find("\"windows.3.layers.2.weight\""), std::string::npos);
}

TEST_F(SolveJob, ASolutionInWindowsHasACertificateWhereTheoryGivesOne) {
  SolveSpec spec = small(
      "u_t = 0.1*u_xx; domain x = 0..1, t = 0..2; u(0, t) = 0; u(1, t) = 0; u(x, 0) = sin(pi*x); exact u = "
      "exp(-0.1*pi^2*t)*sin(pi*x)");
  spec.solver.windows = 2;
  spec.solver.steps = 150;
  const study::RunDirectory done = run(spec, "run");
  EXPECT_GE(metric(done, "certified largest_error u"), metric(done, "largest_error u"));
  EXPECT_GT(metric(done, "certified norm u"), 0);
}

TEST_F(SolveJob, ACurriculumIsOneTrainingWhoseStagesAreReported) {
  SolveSpec spec = small(
      "param b = 10; u_t + b*u_x = 0; periodic x; domain x = 0..2*pi, t = 0..1; u(x, 0) = sin(x); exact u = "
      "sin(x - "
      "b*t)");
  spec.activation = nets::JetActivation::sin;
  spec.solver.curriculum = "b 2 6";
  spec.solver.steps = 200;
  const study::RunDirectory done = run(spec, "run");
  EXPECT_LT(metric(done, "relative_error u"), 0.1);
  EXPECT_EQ(metric(done, "steps"), 600);
  const auto stages = study::Store(done.database()).series("solve", "stage");
  ASSERT_FALSE(stages.empty());
  EXPECT_EQ(stages.front().value, 1);
  EXPECT_EQ(stages.back().value, 3);
}

TEST_F(SolveJob, HeldOutPointsAndQuadratureAreReported) {
  SolveSpec spec =
      small("-u_xx = pi^2*sin(pi*x); domain x = -1..1; u(-1) = 0; u(1) = 0; exact u = sin(pi*x)");
  spec.points.form = EquationForm::variational;
  spec.points.tests = 4;
  spec.solver.stop = Stop::held_out;
  spec.solver.patience = 30;
  spec.solver.steps = 200;
  const study::RunDirectory done = run(spec, "run");
  EXPECT_GT(metric(done, "loss held out"), 0);
  EXPECT_GT(metric(done, "quadrature error"), 0);
  EXPECT_FALSE(study::Store(done.database()).series("solve", "loss held out").empty());
}

}  // namespace
}  // namespace starling::pinn
