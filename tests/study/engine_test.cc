#include "starling/study/engine.h"

#include "starling/base/atomic_file.h"
#include "starling/study/run_config.h"
#include "study/fake_system.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

using testing::error_of;

class EngineTest : public testing::Scratch {
 protected:
  RunDirectory run(const std::string& text, RunOptions options) {
    options.out = folder_ / "run";
    return run_spec({&testing::toy_system()}, text, "toy.toml", options);
  }
  nlohmann::json manifest() const { return RunDirectory::existing(folder_ / "run").read_manifest(); }
  const std::string spec_ = "system = \"toy\"\n";
};

TEST_F(EngineTest, WritesAManifestThatSaysWhatRanAndWhere) {
  run(spec_, {.overrides = {"field.temperature=0.3"}, .threads = 1});
  const nlohmann::json m = manifest();
  for (const char* key :
       {"version", "commit", "system", "job", "seed", "config", "machine", "threads", "status", "seconds"}) {
    EXPECT_TRUE(m.contains(key)) << key;
  }
  EXPECT_EQ(m.at("status"), "done");
  EXPECT_EQ(m.at("system"), "toy");
  EXPECT_EQ(m.at("job"), "train");
  EXPECT_GE(m.at("threads"), 1);
  EXPECT_EQ(m.at("config").at("field").at("temperature"), 0.3);
}

TEST_F(EngineTest, ReportsOnceTheRunIsDone) {
  std::string status;
  run(spec_,
      {.report = [&](const RunDirectory& directory) { status = directory.read_manifest().at("status"); }});
  EXPECT_EQ(status, "done");
}

TEST_F(EngineTest, ResumesTheSameSpecOnly) {
  EXPECT_EQ(error_of([&] { run(spec_ + "[train]\nending = \"interrupted\"\n", {}); }).substr(0, 5), "130: ");
  EXPECT_EQ(manifest().at("status"), "interrupted");
  EXPECT_EQ(error_of([&] {
              run(spec_, {.overrides = {"train.ending=interrupted", "field.temperature=2"}, .resume = true});
            }),
            "2: " + (folder_ / "run").string() +
                ": cannot resume: the spec differs: field.temperature is 2.0 but the run has 0.05; restore "
                "it or start a new run");
  EXPECT_EQ(manifest().at("status"), "interrupted");
  EXPECT_EQ(
      error_of([&] { run(spec_, {.overrides = {"train.ending=interrupted"}, .resume = true}); }).substr(0, 5),
      "130: ");
  EXPECT_EQ(Store(folder_ / "run" / "run.db").metrics()[0].value, 2);
}

TEST_F(EngineTest, RefusesWhatTheModelOfARunCannotDo) {
  const RunDirectory directory = run(spec_, {});
  const std::string place = "2: " + (folder_ / "run").string();
  EXPECT_EQ(error_of([&] { predict_run({&testing::toy_system()}, directory, {}); }),
            place + ": models of toy do not predict; use sample or export");
  EXPECT_EQ(error_of([&] { require_job(directory, "study", "verdict"); }),
            place + ": holds no verdict; expected a run of toy's job study");
  EXPECT_EQ(error_of([&] { require_job(directory, "train", "model"); }), "");
}

TEST_F(EngineTest, RefusesToOverwriteARun) {
  run(spec_, {});
  EXPECT_EQ(error_of([&] { run(spec_, {}); }).substr(0, 3), "2: ");
  EXPECT_EQ(manifest().at("status"), "done");
}

TEST_F(EngineTest, RefusesToResumeADamagedManifest) {
  run(spec_, {});
  base::write_file_atomically(folder_ / "run" / "manifest.json", "{}");
  EXPECT_EQ(error_of([&] { run(spec_, {.resume = true}); }),
            "3: " + (folder_ / "run" / "manifest.json").string() + ": damaged: it holds no config");
}

TEST_F(EngineTest, SaysInTheManifestThatARunFailed) {
  EXPECT_EQ(error_of([&] { run(spec_, {.overrides = {"train.ending=diverged"}}); }),
            "4: step 7: loss is nan");
  EXPECT_EQ(manifest().at("status"), "failed");
  EXPECT_EQ(manifest().at("error"), "step 7: loss is nan");
}

TEST_F(EngineTest, SaysSoOfAFailureThatNobodyForesaw) {
  EXPECT_THROW(run(spec_, {.overrides = {"train.ending=surprise"}}), std::runtime_error);
  EXPECT_EQ(manifest().at("status"), "failed");
  EXPECT_EQ(manifest().at("error"), "out of luck");
}

TEST_F(EngineTest, MakesNoDirectoryForBadInput) {
  EXPECT_EQ(error_of([&] { run(spec_ + "[train]\nending = \"bad_input\"\n", {}); }),
            "3: toy.csv:2:3: not a number");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

TEST_F(EngineTest, TellsTheApplicationThatTheUserWantsToStop) {
  EXPECT_EQ(error_of([&] { run(spec_, {.interrupted = [] { return true; }}); }).substr(0, 5), "130: ");
}

TEST(Load, MakesTheJobThatAnOverrideNames) {
  const auto application = load({&testing::toy_system()}, "system = \"toy\"\n", "toy.toml", {"job=study"});
  EXPECT_EQ(application->plan(), "job study, 3 steps");
}

TEST(Load, KnowsAJobByItsOwnNameAndTheFirstTwoByTrainAndStudy) {
  System system = testing::toy_system();
  system.jobs = {"solve", "bounds", "diagnose"};
  const auto plan = [&](const std::string& spec) {
    const auto application = load({&system}, "system = \"toy\"\n" + spec, "toy.toml", {});
    Description description;
    application->describe(description);
    return application->plan() + ", " + to_json(description).at("job").get<std::string>();
  };
  EXPECT_EQ(plan(""), "job solve, 3 steps, solve");
  EXPECT_EQ(plan("job = \"train\""), "job solve, 3 steps, solve");
  EXPECT_EQ(plan("job = \"solve\""), "job solve, 3 steps, solve");
  EXPECT_EQ(plan("job = \"study\""), "job bounds, 3 steps, bounds");
  EXPECT_EQ(plan("job = \"diagnose\""), "job diagnose, 3 steps, diagnose");
  system.jobs = {"solve"};
  EXPECT_EQ(error_of([&] { plan("job = \"study\""); }),
            "2: toy.toml: unknown job 'study'; expected one of solve, train");
}

TEST(Load, SuggestsTheNearestSystemAndJob) {
  const std::vector<const System*> systems = {&testing::toy_system()};
  EXPECT_EQ(error_of([&] { load(systems, "system = \"toi\"\n", "toy.toml", {}); }),
            "2: toy.toml: unknown system 'toi'; did you mean 'toy'?");
  EXPECT_EQ(error_of([&] { load(systems, "system = \"toy\"\njob = \"trian\"\n", "toy.toml", {}); }),
            "2: toy.toml: unknown job 'trian'; did you mean 'train'?");
}

}  // namespace
}  // namespace starling::study
