#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "starling/cli/command_line.h"
#include "study/fake_system.h"
#include "study/scratch.h"

namespace starling::cli {
namespace {

struct Outcome {
  int code;
  std::string output, errors;
};

/// The verbs on a small system, inside this process: what no real system does on demand.
class Verbs : public study::testing::Scratch {
 protected:
  Verbs() {
    toolbox_.systems = {&study::testing::toy_system()};
    toolbox_.report = [](const study::RunDirectory& run) {
      base::write_file_atomically(run.report(), "<html>");
    };
    toolbox_.vector_target = "AVX9";
    spec_ = folder_ / "toy.toml";
    base::write_file_atomically(spec_, "system = \"toy\"\n");
  }

  Outcome start(const std::vector<std::string>& args) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = run_command(args, toolbox_);
    const std::string output = ::testing::internal::GetCapturedStdout();
    return {code, output, ::testing::internal::GetCapturedStderr()};
  }
  Outcome run_toy(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"run", spec_, "--out", out_};
    args.insert(args.end(), more.begin(), more.end());
    return start(args);
  }

  Toolbox toolbox_;
  std::string spec_, out_ = folder_ / "run";
};

TEST_F(Verbs, RunPrintsMetricsWarningsClaimsAndTheReport) {
  const Outcome outcome = run_toy({});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* words : {"runs", "[0.5, 9.5]", "0.25", "warning: the bandwidth is small", "toy.claim",
                            "holds", "report.html"}) {
    EXPECT_NE(outcome.output.find(words), std::string::npos) << words << " in\n" << outcome.output;
  }
}

TEST_F(Verbs, SweepPrintsCurvesAndTheVerdict) {
  const std::vector<std::string> args = {"sweep",     spec_,
                                         "--over",    "field.kernel=laplace,gaussian",
                                         "--over",    "field.scales=[0.1,0.2],[0.3]",
                                         "--over",    "seed=1,2",
                                         "--measure", "runs",
                                         "--out",     out_};
  const Outcome outcome = start(args);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* words :
       {"kernel gaussian, scales [0.1,0.2]", "sweep.best.3", "inconclusive", "report.html"})
    EXPECT_NE(outcome.output.find(words), std::string::npos) << words << " in\n" << outcome.output;
  EXPECT_EQ(start({"sweep", spec_, "--over", "seed", "--measure", "runs"}).code, 2);
  EXPECT_EQ(start({"sweep", spec_, "--over", "seed=1,2"}).code, 2);
  EXPECT_EQ(start({"report", out_}).code, 0);
}

TEST_F(Verbs, QuietPrintsNothing) {
  const Outcome outcome = run_toy({"--quiet"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output + outcome.errors, "");
}

TEST_F(Verbs, FailedClaimExitsWithOneUnderStrictOnly) {
  EXPECT_EQ(run_toy({"--set", "train.ending=failed_claim"}).code, 0);
  EXPECT_EQ(run_toy({"--set", "train.ending=failed_claim", "--resume", "--strict"}).code, 1);
}

TEST_F(Verbs, EveryEndingHasItsExitCode) {
  const auto code_of = [&](const std::string& ending) {
    std::filesystem::remove_all(out_);
    return run_toy({"--set", "train.ending=" + ending}).code;
  };
  EXPECT_EQ(code_of("bad_input"), 3);
  EXPECT_EQ(code_of("diverged"), 4);
  EXPECT_EQ(code_of("interrupted"), 130);
}

TEST_F(Verbs, UnforeseenFailureIsOneLineAndNoCrash) {
  const Outcome outcome = run_toy({"--set", "train.ending=surprise"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.errors, "starling: out of luck\n");
}

TEST_F(Verbs, InterruptionEndsTheRunResumable) {
  toolbox_.interrupted = [] { return true; };
  EXPECT_EQ(run_toy({}).code, 130);
  toolbox_.interrupted = [] { return false; };
  EXPECT_EQ(run_toy({"--resume"}).code, 0);
}

TEST_F(Verbs, SetTakesOneValueAndMayStandBeforeTheSpec) {
  const Outcome outcome = start({"check", "--set", "train.steps=9", "--set", "field.scales=[0.5, 1]", spec_});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("job train, 9 steps"), std::string::npos);
}

TEST_F(Verbs, WrongUsageExitsWithTwo) {
  EXPECT_EQ(start({}).code, 2);
  EXPECT_EQ(start({"run"}).code, 2);
  EXPECT_EQ(start({"run", spec_, "--threads", "-1"}).code, 2);
  EXPECT_EQ(start({"run", spec_, "--threads", "many"}).code, 2);
  EXPECT_EQ(start({"run", spec_, "--no-such-flag"}).code, 2);
  EXPECT_EQ(start({"completion", "fish"}).code, 2);
  EXPECT_EQ(start({"report", folder_ / "none"}).code, 2);
  EXPECT_EQ(start({"claims", "toi"}).code, 2);
}

TEST_F(Verbs, SuggestTheNearestVerb) {
  const Outcome outcome = start({"rnu", spec_});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.errors, "starling: unknown command 'rnu'; did you mean 'run'?\n");
}

TEST_F(Verbs, HelpAndVersionAreNoFailures) {
  EXPECT_EQ(start({"--help"}).code, 0);
  EXPECT_EQ(start({"--version"}).code, 0);
}

TEST_F(Verbs, NewPrintsTheTemplateOfTheJob) {
  const Outcome outcome = start({"new", "toy", "--job", "study"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.output.find("job = \"study\""), std::string::npos);
  EXPECT_EQ(start({"new", "toy", "study"}).output, outcome.output);
  EXPECT_EQ(start({"new", "toy", "--job", "sleep"}).code, 2);
}

TEST_F(Verbs, SampleExportAndReportReadTheSystemFromTheRun) {
  ASSERT_EQ(run_toy({"--quiet"}).code, 0);
  const std::string samples = folder_ / "s.csv";
  EXPECT_EQ(start({"sample", out_, "--count", "5", "--label", "2", "--out", samples}).code, 0);
  EXPECT_EQ(base::read_file(samples), "5 2");
  const std::string folder = (folder_ / "run" / "export").string();
  EXPECT_EQ(start({"export", out_}).output, folder + "/metrics.csv\n" + folder + "/claims.csv\n" + folder +
                                                "/warnings.csv\n" + folder + "/model.safetensors\n");
  std::filesystem::remove(folder_ / "run" / "report.html");
  EXPECT_EQ(start({"report", out_}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "report.html"));
}

TEST_F(Verbs, DamagedManifestIsNamedAndExitsWithThree) {
  ASSERT_EQ(run_toy({"--quiet"}).code, 0);
  const std::string manifest = folder_ / "run" / "manifest.json";
  for (const char* content : {"{}", "[]", "{\"config\": {\"system\": 3}}", "{"}) {
    base::write_file_atomically(manifest, content);
    const Outcome outcome = start({"export", out_});
    EXPECT_EQ(outcome.code, 3) << content;
    EXPECT_NE(outcome.errors.find(manifest + ": damaged"), std::string::npos) << outcome.errors;
  }
}

TEST_F(Verbs, ClaimsListWhatIsStatedAndHowItIsMeasured) {
  const Outcome outcome = start({"claims", "toy"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* words : {"toy.claim", "Two is two.", "arithmetic", "counting", "one"}) {
    EXPECT_NE(outcome.output.find(words), std::string::npos) << words;
  }
}

TEST_F(Verbs, DoctorShowsTheMachineAndFailsWithACheckThatFailsOrThrows) {
  toolbox_.checks = {{"sums", [] { return true; }}};
  const Outcome healthy = start({"doctor"});
  EXPECT_EQ(healthy.code, 0);
  for (const char* words : {"starling", "cpu", "threads", "AVX9", "sums"}) {
    EXPECT_NE(healthy.output.find(words), std::string::npos) << words;
  }
  toolbox_.checks = {{"sums", []() -> bool { throw std::runtime_error("no such instruction"); }},
                     {"last", [] { return true; }}};
  const Outcome ill = start({"doctor"});
  EXPECT_EQ(ill.code, 4);
  EXPECT_NE(ill.output.find("no such instruction"), std::string::npos);
  EXPECT_NE(ill.output.find("last"), std::string::npos);
}

TEST_F(Verbs, CompletionKnowsTheSystemsAndIsAScriptThatBashReads) {
  const Outcome outcome = start({"completion", "bash"});
  ASSERT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.output.find("words=\"toy\""), std::string::npos);
  EXPECT_NE(outcome.output.find("sweep) options=\"--over --measure"), std::string::npos);
  base::write_file_atomically(folder_ / "completion", outcome.output);
  EXPECT_EQ(std::system(("bash -n " + (folder_ / "completion").string()).c_str()), 0);
  EXPECT_TRUE(start({"completion", "zsh"}).output.starts_with("#compdef starling\n"));
}

TEST_F(Verbs, ManualHasEveryVerbAndOptionForManAndInMarkdown) {
  const std::string page = start({"manual"}).output;
  EXPECT_TRUE(page.starts_with(".TH \"STARLING\" 1 ")) << page;
  for (const char* words : {".SS \"starling sweep SPEC [OPTIONS]\"", "\\fB\\-\\-measure TEXT\\fR",
                            "(must be given)", ".SS \"starling new SYSTEM [JOB]\"", "\\fB130\\fR"})
    EXPECT_NE(page.find(words), std::string::npos) << words;
  const std::string site = start({"manual", "--markdown"}).output;
  EXPECT_TRUE(site.starts_with("# starling\n")) << site;
  EXPECT_NE(site.find("\n`--measure TEXT`\n:   what the runs are judged by"), std::string::npos) << site;
}

TEST_F(Verbs, ManualOfASystemHasEveryKeyOfItsSpecs) {
  const Outcome outcome = start({"manual", "toy"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_TRUE(outcome.output.starts_with(".TH \"STARLING\\-TOY\" 5 ") ||
              outcome.output.starts_with(".TH \"STARLING-TOY\" 5 "))
      << outcome.output;
  EXPECT_NE(outcome.output.find("seed = "), std::string::npos);
  EXPECT_EQ(start({"manual", "tyo"}).code, 2);
}

TEST_F(Verbs, ClaimsAreAlsoPrintedAsJson) {
  const Outcome outcome = start({"claims", "toy", "--json"});
  const auto line = nlohmann::json::parse(outcome.output.substr(0, outcome.output.find('\n')));
  EXPECT_EQ(line.at("system"), "toy");
  EXPECT_TRUE(line.contains("fails_if"));
}

}  // namespace
}  // namespace starling::cli
