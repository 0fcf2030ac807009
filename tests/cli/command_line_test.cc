#include "starling/cli/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace starling::cli {
namespace {

using testing_program::Folder;
using testing_program::run;

class CommandLine : public testing::Test {
 protected:
  CommandLine() : folder_("verbs") {}

  std::string write(const std::string& name, const std::string& text) {
    base::write_file_atomically(folder_.path / name, text);
    return folder_.path / name;
  }
  std::string tiny(const std::string& more = "") {
    return write(
        "tiny.toml",
        "system = \"drift\"\n[data]\nsource = \"moons\"\n[generator]\nwidth = 8\n[train]\nsteps = 4\nbatch = "
        "16\ndata_batch = 16\nevaluation = 20\nrepeats = 2\n" +
            more);
  }
  void expect(int code, const std::string& words, const std::vector<std::string>& args) {
    const auto result = run(folder_.path, args);
    EXPECT_EQ(result.code, code) << result.errors;
    EXPECT_NE((result.output + result.errors).find(words), std::string::npos)
        << result.output << result.errors;
  }
  std::string out() const { return folder_.path / "run"; }

  Folder folder_;
};

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
  EXPECT_TRUE(last.at("metrics").contains("energy_distance"));
}

TEST_F(CommandLine, TemplateIsAValidSpec) {
  const auto result = run(folder_.path, {"new", "drift"});
  ASSERT_EQ(result.code, 0);
  expect(0, "valid", {"check", write("new.toml", result.output)});
}

TEST_F(CommandLine, HelpOfEveryVerbFitsAScreenAndShowsAnExample) {
  for (const char* verb :
       {"new", "check", "run", "sample", "report", "claims", "export", "doctor", "completion"}) {
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

TEST_F(CommandLine, RefusesBadDataWithCodeThree) {
  const auto with = [&](const std::string& name, const std::string& text) {
    const std::string path = write(name, text);
    return std::vector<std::string>{
        "run", tiny(), "--out", out(), "--set", "data.source=file", "--set", "data.path=" + path};
  };
  expect(3, "gone.csv: no such file or folder",
         {"run", tiny(), "--out", out(), "--set", "data.source=file", "--set", "data.path=gone.csv"});
  expect(3, "empty", with("empty.csv", ""));
  expect(3, "row 2, column '1' holds nan", with("nan.csv", "1,2\nnan,3\n1,2\n4,5\n6,7\n"));
  expect(3, "expected at least 4", with("one.csv", "1,2\n"));
  expect(3, "1 cells; expected 2 as in the first row", with("ragged.csv", "1,2\n3\n"));
  expect(3, "", with("broken.npy", "\x93NUMPY"));
  EXPECT_FALSE(std::filesystem::exists(out()));
}

TEST_F(CommandLine, WarnsOfDuplicatePoints) {
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += "0.5,0.5\n" + std::to_string(i) + ",1\n";
  const std::string path = write("twice.csv", rows);
  expect(0, "training points coincide with another",
         {"run", tiny(), "--out", out(), "--set", "data.source=file", "--set", "data.path=" + path});
}

TEST_F(CommandLine, ReportsDivergenceWithCodeFourAndTheStep) {
  expect(4, "step ", {"run", tiny(), "--out", out(), "--set", "train.rate=1e38", "--set", "train.steps=50"});
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
