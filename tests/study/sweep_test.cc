#include "starling/study/sweep.h"

#include <atomic>

#include "starling/base/atomic_file.h"
#include "study/fake_system.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

using testing::error_of;

// A run's metric "runs" is 1 unless it was resumed.
class SweepTest : public testing::Scratch {
 protected:
  RunDirectory sweep(const std::vector<std::string>& over, RunOptions options = {},
                     const std::string& measure = "runs") {
    SweepRequest request{.measure = measure};
    for (const std::string& text : over) request.keys.push_back(parse_swept_key(text));
    options.out = folder_ / "sweep";
    return run_sweep({&testing::toy_system()}, "system = \"toy\"\n", "toy.toml", request, options);
  }
  nlohmann::json manifest(const std::string& run) const {
    return RunDirectory::existing(folder_ / "sweep" / "runs" / run).read_manifest();
  }
};

TEST(SweptKeys, AreSplitAtCommasOutsideBracketsAndQuotes) {
  const SweptKey lists = parse_swept_key("field.scales=[0.1,0.3],[0.6]");
  EXPECT_EQ(lists.key, "field.scales");
  EXPECT_EQ(lists.values, (std::vector<std::string>{"[0.1,0.3]", "[0.6]"}));
  EXPECT_EQ(parse_swept_key("train.path=\"a,b\",c").values, (std::vector<std::string>{"\"a,b\"", "c"}));
  EXPECT_EQ(parse_swept_key("seed=1").values, (std::vector<std::string>{"1"}));
}

TEST(SweptKeys, RefuseWhatCannotBeSwept) {
  for (const char* text : {"", "seed", "=1,2", "seed=", "seed=1,,2", "seed=1,2,", "seed=1,1"}) {
    EXPECT_EQ(error_of([&] { parse_swept_key(text); }).substr(0, 3), "2: ") << text;
  }
}

TEST_F(SweepTest, RunsEveryCombinationWithItsOwnSpec) {
  sweep({"field.kernel=laplace,gaussian", "field.temperature=0.1,0.2,0.4", "seed=7,8"},
        {.overrides = {"train.steps=9"}, .threads = 2});
  for (int i = 0; i < 12; ++i) {
    const nlohmann::json config =
        manifest(i < 10 ? "00" + std::to_string(i) : "0" + std::to_string(i)).at("config");
    EXPECT_EQ(config.at("seed"), 7 + i % 2);
    EXPECT_EQ(config.at("field").at("temperature"), 0.1 * (1 << (i / 2 % 3)));
    EXPECT_EQ(config.at("field").at("kernel"), i < 6 ? "laplace" : "gaussian");
    EXPECT_EQ(config.at("train").at("steps"), 9);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sweep" / "runs" / "012"));
  const Store store(folder_ / "sweep" / "run.db");
  std::vector<std::string> names;
  for (const Metric& metric : store.metrics()) names.push_back(metric.task + "/" + metric.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "kernel gaussian/best field.temperature", "kernel gaussian/field.temperature=0.1",
                       "kernel gaussian/field.temperature=0.2", "kernel gaussian/field.temperature=0.4",
                       "kernel gaussian/runs at the best", "kernel laplace/best field.temperature",
                       "kernel laplace/field.temperature=0.1", "kernel laplace/field.temperature=0.2",
                       "kernel laplace/field.temperature=0.4", "kernel laplace/runs at the best"}));
  const nlohmann::json whole = RunDirectory::existing(folder_ / "sweep").read_manifest();
  EXPECT_EQ(whole.at("status"), "done");
  EXPECT_EQ(whole.at("config").at("sweep").at("over").at("seed"), (std::vector<std::string>{"7", "8"}));
}

TEST_F(SweepTest, TakesARunThatDivergesForDiverged) {
  sweep({"train.ending=done,diverged", "field.temperature=1,2"});
  const Store store(folder_ / "sweep" / "run.db");
  EXPECT_EQ(manifest("003").at("status"), "failed");
  ASSERT_EQ(store.warnings().size(), 2U);
  EXPECT_EQ(store.warnings().front().text,
            "ending diverged, field.temperature=1: 1 of 1 diverged: step 7: loss is nan");
}

TEST_F(SweepTest, FindsAWrongValueBeforeTheFirstRun) {
  EXPECT_EQ(error_of([&] { sweep({"train.steps=1,2,1001"}); }).substr(0, 3), "2: ");
  EXPECT_EQ(error_of([&] { sweep({"train.stepz=1"}); }),
            "2: --set train.stepz=1: unknown key 'train.stepz'; did you mean 'train.steps'?");
  EXPECT_EQ(error_of([&] { sweep({"job=train,study"}); }),
            "2: 'job' cannot be swept: it decides which keys there are");
  EXPECT_EQ(error_of([&] {
              sweep({"seed=1", "seed=2"});
            }),
            "2: 'seed' is swept twice; give all its values at once");
  std::string many = "seed=0";
  for (int i = 1; i < 400; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(error_of([&] {
              sweep({many, "train.steps" + many.substr(4)});
            }),
            "2: the sweep has more than 100000 runs");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sweep"));
}

TEST_F(SweepTest, KeepsItsRunsWhenTheMeasureIsUnknownAndReadsAnother) {
  const std::string error = error_of([&] { sweep({"seed=1,2"}, {}, "run"); });
  EXPECT_NE(error.find("the runs have no metric 'run'; did you mean 'runs'?"), std::string::npos) << error;
  sweep({"seed=1,2"}, {.resume = true});
  sweep({"seed=1,2"}, {.resume = true}, "train/runs");
  EXPECT_EQ(RunDirectory::existing(folder_ / "sweep").read_manifest().at("config").at("sweep").at("measure"),
            "train/runs");
}

TEST_F(SweepTest, ResumesWithWhatIsMissing) {
  std::atomic<int> asked = 0;
  // Every run asks once, and the sweep before it: the third run is stopped.
  EXPECT_EQ(error_of([&] {
              sweep({"seed=1,2,3,4"}, {.threads = 1, .interrupted = [&] { return ++asked > 5; }});
            }).substr(0, 5),
            "130: ");
  EXPECT_EQ(RunDirectory::existing(folder_ / "sweep").read_manifest().at("status"), "interrupted");
  EXPECT_EQ(manifest("001").at("status"), "done");
  EXPECT_EQ(manifest("002").at("status"), "interrupted");
  sweep({"seed=1,2,3,4"}, {.resume = true, .threads = 1});
  for (const char* run : {"000", "001", "002", "003"}) {
    const Store store(folder_ / "sweep" / "runs" / run / "run.db");
    EXPECT_EQ(store.metrics().front().value, std::string(run) == "002" ? 2 : 1) << run;
  }
}

TEST_F(SweepTest, ResumesTheSameSweepOnly) {
  sweep({"seed=1,2"});
  EXPECT_EQ(
      error_of([&] { sweep({"seed=1,2,3"}, {.resume = true}); }),
      "2: " + (folder_ / "sweep").string() +
          ": cannot resume: the sweep went over {\"seed\":[\"1\",\"2\"]}; restore it or start a new one");
  EXPECT_NE(error_of([&] {
              sweep({"seed=1,2"}, {.overrides = {"train.steps=5"}, .resume = true});
            }).find("train.steps is 5 but the run has 3"),
            std::string::npos);
  RunOptions plain{.out = folder_ / "sweep" / "runs" / "000", .resume = true};
  SweepRequest request{.keys = {parse_swept_key("seed=1,2")}, .measure = "runs"};
  EXPECT_NE(error_of([&] {
              run_sweep({&testing::toy_system()}, "system = \"toy\"\n", "toy.toml", request, plain);
            }).find("holds a run and no sweep"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::study
