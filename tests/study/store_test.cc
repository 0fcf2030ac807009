#include "starling/study/store.h"

#include <sqlite3.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "starling/base/atomic_file.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

using testing::error_of;

class StoreTest : public testing::Scratch {
 protected:
  std::filesystem::path path_ = folder_ / "run.db";
};

TEST_F(StoreTest, ReadsBackWhatWasRecordedAfterItWasClosed) {
  const std::string png("\x89PNG\0\n", 6);
  const Claim claim{.id = "c",
                    .statement = "s",
                    .source = "p",
                    .measured_as = "m",
                    .falsifier = "f",
                    .value = 1.5,
                    .lower = {},
                    .upper = 2.5,
                    .expected = "e",
                    .verdict = Verdict::fails,
                    .note = "n"};
  {
    Store store(path_);
    store.record(Metric{.task = "t",
                        .name = "b",
                        .unit = "u",
                        .value = 0.1,
                        .lower = -1,
                        .upper = {},
                        .floor = 3,
                        .note = "n"});
    store.record(Metric{
        .task = "t", .name = "a", .unit = "", .value = 2, .lower = {}, .upper = {}, .floor = {}, .note = ""});
    store.record("t", "loss", "nat", std::vector<SeriesPoint>{{10, 1.0}, {2, 0.5}});
    store.record(claim);
    store.record(Figure{"f", "title", "caption", {{"kind", "xy"}, {"x", {1, 2}}}});
    store.record(Warning{"t", 4, "careful"});
    store.record_image("i", png);
    store.mark_done("t");
  }
  const Store store(path_);
  ASSERT_EQ(store.metrics().size(), 2U);
  EXPECT_EQ(store.metrics()[0].name, "a");
  EXPECT_FALSE(store.metrics()[0].lower.has_value());
  EXPECT_EQ(store.metrics()[1].value, 0.1);
  EXPECT_EQ(store.metrics()[1].lower, -1);
  EXPECT_FALSE(store.metrics()[1].upper.has_value());
  EXPECT_EQ(store.metrics()[1].floor, 3);
  ASSERT_EQ(store.series("t", "loss").size(), 2U);
  EXPECT_EQ(store.series("t", "loss")[0].step, 2);
  EXPECT_EQ(store.series_names()[0].unit, "nat");
  ASSERT_EQ(store.claims().size(), 1U);
  EXPECT_EQ(store.claims()[0].measured_as, "m");
  EXPECT_EQ(store.claims()[0].verdict, Verdict::fails);
  EXPECT_FALSE(store.claims()[0].lower.has_value());
  EXPECT_EQ(store.figures()[0].drawing.at("kind"), "xy");
  EXPECT_EQ(store.warnings()[0].text, "careful");
  EXPECT_EQ(store.image("i"), png);
  EXPECT_EQ(store.image("none"), "");
  EXPECT_TRUE(store.is_done("t"));
  EXPECT_FALSE(store.is_done("u"));
}

TEST_F(StoreTest, ReplacesWhatIsRecordedTwice) {
  Store store(path_);
  for (const double value : {1.0, 2.0}) {
    store.record(Metric{.task = "t",
                        .name = "m",
                        .unit = "",
                        .value = value,
                        .lower = {},
                        .upper = {},
                        .floor = {},
                        .note = ""});
    store.record("t", "loss", "", std::vector<SeriesPoint>{{1, value}});
  }
  ASSERT_EQ(store.metrics().size(), 1U);
  EXPECT_EQ(store.metrics()[0].value, 2);
  ASSERT_EQ(store.series("t", "loss").size(), 1U);
  EXPECT_EQ(store.series("t", "loss")[0].value, 2);
}

TEST_F(StoreTest, KeepsALostNumberAsNotANumberAndInfinityAsItself) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                   infinity = std::numeric_limits<double>::infinity();
  Store store(path_);
  store.record(Metric{.task = "t",
                      .name = "m",
                      .unit = "",
                      .value = nan,
                      .lower = -infinity,
                      .upper = {},
                      .floor = {},
                      .note = ""});
  store.record("t", "loss", "", std::vector<SeriesPoint>{{1, nan}, {2, infinity}});
  EXPECT_TRUE(std::isnan(store.metrics()[0].value));
  EXPECT_EQ(store.metrics()[0].lower, -infinity);
  EXPECT_TRUE(std::isnan(store.series("t", "loss")[0].value));
  EXPECT_EQ(store.series("t", "loss")[1].value, infinity);
}

TEST_F(StoreTest, RollsBackATransactionThatAnErrorEnds) {
  Store store(path_);
  const std::vector<SeriesPoint> points = {{1, 1.0}, {2, 2.0}};
  try {
    const Store::Transaction transaction(store);
    store.record("t", "loss", "", points);
    store.mark_done("t");
    throw std::runtime_error("stopped");
  } catch (const std::runtime_error&) {
  }
  EXPECT_FALSE(store.is_done("t"));
  EXPECT_TRUE(store.series("t", "loss").empty());
  Store::Transaction transaction(store);
  store.record("t", "loss", "", points);
  store.mark_done("t");
  transaction.commit();
  EXPECT_TRUE(store.is_done("t"));
  EXPECT_EQ(store.series("t", "loss").size(), 2U);
}

TEST_F(StoreTest, RemovesSeriesAndWarningsBeyondAStep) {
  Store store(path_);
  store.record("t", "loss", "", std::vector<SeriesPoint>{{1, 1}, {2, 2}, {3, 3}});
  store.record("u", "loss", "", std::vector<SeriesPoint>{{3, 3}});
  store.record(Warning{"t", 3, "late"});
  store.remove_after("t", 2);
  EXPECT_EQ(store.series("t", "loss").size(), 2U);
  EXPECT_EQ(store.series("u", "loss").size(), 1U);
  EXPECT_TRUE(store.warnings().empty());
}

TEST_F(StoreTest, IsTheSameFileForTheSameRecords) {
  for (const char* name : {"a.db", "b.db"}) {
    Store store(folder_ / name);
    store.record("t", "loss", "", std::vector<SeriesPoint>{{1, 1}, {2, 2}});
    store.mark_done("t");
  }
  EXPECT_EQ(base::read_file(folder_ / "a.db"), base::read_file(folder_ / "b.db"));
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabaseAndAPlaceItCannotOpen) {
  base::write_file_atomically(path_, std::string(4096, 'x'));
  EXPECT_EQ(error_of([&] { const Store store(path_); }),
            "3: " + path_.string() + ": database: file is not a database");
  const auto missing = folder_ / "none" / "run.db";
  EXPECT_EQ(error_of([&] { const Store store(missing); }),
            "3: " + missing.string() + ": database: unable to open database file");
}

}  // namespace
}  // namespace starling::study
