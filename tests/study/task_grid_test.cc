#include "starling/study/task_grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

class TaskGrid : public testing::Scratch {
 protected:
  void run(const std::vector<Task>& tasks) {
    RunContext context{directory_, store_, progress_, false, [] { return false; }};
    run_tasks(context, "tasks", tasks);
  }

  RunDirectory directory_ = RunDirectory::open(folder_ / "run", false);
  Store store_{directory_.database()};
  Progress progress_{Progress::Style::quiet};
};

Task metric_task(const std::string& name, double value) {
  return {name,
          [=](TaskContext& task) { task.store.record(Metric{.task = name, .name = "m", .value = value}); }};
}

TEST(StoreChanges, BringAnotherStoreToTheSameContent) {
  Store from{Store::InMemory{}}, to{Store::InMemory{}};
  from.record(Metric{.task = "old", .name = "kept", .value = 1});
  const Store::Recording recording(from);
  from.record(Metric{.task = "t", .name = "lost", .value = std::numeric_limits<double>::quiet_NaN()});
  from.record(Metric{.task = "t", .name = "m", .value = 0.1});
  from.record("t", "s", "", std::vector<SeriesPoint>{{1, 2}, {3, 4}});
  from.mark_done("t");
  to.record(Metric{.task = "t", .name = "m", .value = 7});  // gives way
  to.apply(recording.changes());
  ASSERT_EQ(to.metrics().size(), 2U);
  EXPECT_TRUE(std::isnan(to.metrics()[0].value));
  EXPECT_EQ(to.metrics()[1].value, 0.1);
  EXPECT_EQ(to.series("t", "s").size(), 2U);
  EXPECT_TRUE(to.is_done("t"));
}

TEST(StoreChanges, ASnapshotHoldsAllThatWasCommitted) {
  Store from{Store::InMemory{}};
  from.record(Metric{.task = "t", .name = "m", .value = 3});
  Store copy(Store::InMemory{}, from.snapshot());
  copy.record(Metric{.task = "t", .name = "n", .value = 4});
  EXPECT_EQ(copy.metrics().size(), 2U);
  EXPECT_EQ(from.metrics().size(), 1U);
}

TEST_F(TaskGrid, GivesATaskWhatItNeedsAndNothingElse) {
  std::size_t seen = 0;
  Task reader{"reader", [&](TaskContext& task) { seen = task.store.metrics().size(); }, {"b"}};
  std::size_t alone = 9;
  run({reader,
       {"alone", [&](TaskContext& task) { alone = task.store.metrics().size(); }},
       metric_task("b", 2)});
  EXPECT_EQ(seen, 1U);
  EXPECT_EQ(alone, 0U);
  EXPECT_TRUE(store_.is_done("reader"));
}

TEST_F(TaskGrid, DoesOnlyWhatIsMissing) {
  store_.mark_done("a");
  run({{"a", [](TaskContext&) { FAIL() << "it was done"; }}, metric_task("b", 2)});
  EXPECT_EQ(store_.metrics().size(), 1U);
}

TEST_F(TaskGrid, WritesTheFilesOfATask) {
  run({{"a", [](TaskContext& task) { task.write("a.csv", "x\n"); }}});
  EXPECT_EQ(base::read_file(directory_.path() / "a.csv"), "x\n");
}

TEST_F(TaskGrid, KeepsWhatWasDoneBeforeAnErrorAndNothingOfTheFailed) {
  Task failing{"b", [](TaskContext& task) {
                 task.store.record(Metric{.task = "b", .name = "m", .value = 1});
                 throw base::Error(base::ErrorKind::numerical, "b diverged");
               }};
  try {
    run({metric_task("a", 1), failing, metric_task("c", 1)});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::numerical);
    EXPECT_STREQ(error.what(), "b diverged");
  }
  EXPECT_EQ(store_.metrics().size(), 1U);
  EXPECT_FALSE(store_.is_done("b"));
  EXPECT_FALSE(store_.is_done("c"));
}

}  // namespace
}  // namespace starling::study
