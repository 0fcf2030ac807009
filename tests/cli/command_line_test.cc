#include "starling/cli/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/tiny_run.h"

namespace starling::cli {
namespace {

using testing_program::run;

class CommandLine : public testing_program::TinyRun {};

TEST_F(CommandLine, RunsSamplesAndExports) {
  expect(0, "report:", {"run", tiny(), "--out", out()});
  expect(0, "s.csv", {"sample", out(), "--count", "5", "--out", folder_.path / "s.csv"});
  expect(0, "model.safetensors", {"export", out()});
  expect(0, "report.html", {"report", out()});
}

TEST_F(CommandLine, PrintsOneJsonObjectALine) {
  const auto result = run(folder_.path, {"run", tiny(), "--out", out(), "--json"});
  ASSERT_EQ(result.code, 0);
  std::istringstream lines(result.output);
  std::string line;
  nlohmann::json last;
  while (std::getline(lines, line)) last = nlohmann::json::parse(line);
  EXPECT_EQ(last.at("event"), "done");
  EXPECT_TRUE(last.at("metrics").at("train").contains("energy_distance"));
}

TEST_F(CommandLine, TemplateIsAValidSpec) {
  const auto result = run(folder_.path, {"new", "drift"});
  ASSERT_EQ(result.code, 0);
  expect(0, "valid", {"check", write("new.toml", result.output)});
}

// Without a job a spec trains; `study` is the theory of every system, whatever its job is called.
TEST_F(CommandLine, EverySystemHasAJobThatTrainsAndOneThatStudies) {
  for (const char* system : {"drift", "students", "muon", "depth", "pinn"}) {
    const auto train = run(folder_.path, {"new", system});
    EXPECT_EQ(train.code, 0) << system << ": " << train.errors;
    EXPECT_EQ(run(folder_.path, {"new", system, "train"}).output, train.output);
    const auto study = run(folder_.path, {"new", system, "study"});
    ASSERT_EQ(study.code, 0) << system << ": " << study.errors;
    EXPECT_NE(study.output, train.output);
    expect(0, "valid", {"check", write("study.toml", study.output)});
    expect(0, "valid", {"check", write("study.toml", study.output), "--set", "job=study"});
  }
}

TEST_F(CommandLine, HelpOfEveryVerbFitsAScreenAndShowsAnExample) {
  for (const char* verb : {"new", "check", "run", "sweep", "sample", "predict", "report", "claims", "export",
                           "doctor", "completion", "manual"}) {
    const auto result = run(folder_.path, {verb, "--help"});
    EXPECT_EQ(result.code, 0);
    EXPECT_LE(std::count(result.output.begin(), result.output.end(), '\n'), 24);
    EXPECT_NE(result.output.find("Example: "), std::string::npos);
  }
}

TEST_F(CommandLine, RefusesWrongUsageWithCodeTwo) {
  expect(2, "did you mean 'drift'?", {"new", "drfit"});
  expect(2, "", {"fly"});
  expect(2, "", {"run"});
  expect(2, "missing.toml: cannot read", {"run", "missing.toml"});
  expect(2, "tiny.toml:12:1: unknown key 'stpes' in [train]; did you mean 'steps'?",
         {"run", tiny("stpes = 3\n"), "--out", out()});
  expect(2, "'train.batch' is 0; expected a value 1 to 1000000",
         {"run", tiny(), "--set", "train.batch=0", "--out", out()});
  EXPECT_FALSE(std::filesystem::exists(out()));
}

TEST_F(CommandLine, ReportsDivergenceWithCodeFourAndTheStep) {
  for (const char* rate : {"train.rate=1e6", "train.rate=1e38"}) {
    std::filesystem::remove_all(out());
    expect(4, "step 1: the generator's samples ",
           {"run", tiny(), "--out", out(), "--set", rate, "--set", "train.steps=50"});
  }
}

TEST_F(CommandLine, NeverTouchesAnExistingRunWithoutResume) {
  expect(0, "", {"run", tiny(), "--out", out()});
  const std::string before = base::read_file(std::filesystem::path(out()) / "manifest.json");
  expect(2, "continue it with --resume", {"run", tiny(), "--out", out()});
  EXPECT_EQ(base::read_file(std::filesystem::path(out()) / "manifest.json"), before);
  expect(2, "the spec differs", {"run", tiny(), "--out", out(), "--resume", "--set", "seed=2"});
  expect(0, "report:", {"run", tiny(), "--out", out(), "--resume"});
}

TEST_F(CommandLine, SaysThatAPlaceCannotBeWritten) {
  write("in-the-way", "a file");
  expect(3, "cannot make the run directory", {"run", tiny(), "--out", folder_.path / "in-the-way" / "run"});
}

TEST_F(CommandLine, DoctorNamesTheVectorTargetAndPasses) {
  expect(0, "vectors", {"doctor"});
}

}  // namespace
}  // namespace starling::cli
