#include "starling/study/tables.h"

#include <gtest/gtest.h>

#include <limits>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

class TablesTest : public testing::Scratch {
 protected:
  std::string table(const std::string& name) const { return base::read_file(folder_ / name); }
  Store store_{folder_ / "run.db"};
};

TEST_F(TablesTest, HoldEveryRowUnderTheNamesOfItsFields) {
  store_.record(
      Metric{.task = "train", .name = "energy", .value = 0.1, .lower = 1e-300, .note = "a, \"b\"\nc"});
  const SeriesPoint points[] = {{0, 1.5}, {7, std::numeric_limits<double>::quiet_NaN()}};
  store_.record("train", "loss", "units", points);
  store_.record(Claim{.id = "rate", .value = -2, .verdict = Verdict::holds});
  store_.record(Warning{"train", 3, "slow"});
  EXPECT_EQ(write_tables(store_, folder_).size(), 4U);
  EXPECT_EQ(table("metrics.csv"),
            "task,name,unit,value,lower,upper,floor,note\ntrain,energy,,0.1,1e-300,,,\"a, \"\"b\"\"\nc\"\n");
  EXPECT_EQ(table("series.csv"),
            "task,name,unit,step,value\ntrain,loss,units,0,1.5\ntrain,loss,units,7,nan\n");
  EXPECT_EQ(table("claims.csv"),
            "id,statement,source,measured_as,falsifier,value,lower,upper,expected,verdict,note\n"
            "rate,,,,,-2,,,,holds,\n");
  EXPECT_EQ(table("warnings.csv"), "task,step,text\ntrain,3,slow\n");
}

TEST_F(TablesTest, AreNotWrittenWithoutRows) {
  EXPECT_TRUE(write_tables(store_, folder_).empty());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "claims.csv"));
}

TEST_F(TablesTest, NameTheFileThatCannotBeWritten) {
  store_.record(Warning{"train", 3, "slow"});
  try {
    write_tables(store_, folder_ / "missing");
    FAIL() << "wrote into a folder that is not there";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("warnings.csv"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace starling::study
