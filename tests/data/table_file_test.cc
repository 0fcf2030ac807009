#include "starling/data/table_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/data/npy.h"

namespace starling::data {
namespace {

class TableFile : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string error_of_reading(const std::string& name, const std::string& bytes) const {
    base::write_file_atomically(folder_ / name, bytes);
    try {
      (void)read_table(folder_ / name);
    } catch (const base::Error& error) {
      return std::to_string(error.exit_code()) + ": " + error.what();
    }
    return {};
  }
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      (std::string("starling-table-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(TableFile, ReadsBackWhatItWroteToTheBit) {
  base::Points<double> table(3, 2);
  table << 0.1, -1e-300, 1.0 / 3, std::numeric_limits<double>::max(), -0.0, 5e-324;
  for (const char* name : {"table.csv", "table.npy"}) {
    write_table(folder_ / name, table);
    const base::Points<double> read = read_table(folder_ / name);
    ASSERT_EQ(read.rows(), 3);
    ASSERT_EQ(read.cols(), 2);
    for (base::Index i = 0; i < 6; ++i) EXPECT_EQ(read.data()[i], table.data()[i]) << name << " " << i;
  }
  const base::Points<float> single = table.topRows(1).cast<float>();
  write_table(folder_ / "single.csv", single);
  EXPECT_EQ(read_table(folder_ / "single.csv")(0, 0), 0.1);  // the shortest digits that a float reads back
}

TEST_F(TableFile, NamesThePlaceOfWhatIsNoTableOfNumbers) {
  EXPECT_EQ(error_of_reading("a.txt", "1").substr(0, 3), "2: ");
  EXPECT_NE(error_of_reading("a.csv", "x,y\n1,2\n3,inf\n").find("row 2, column 2 is inf"), std::string::npos);
  EXPECT_EQ(error_of_reading("b.csv", "1,2\n3\n").substr(0, 3), "3: ");
  EXPECT_EQ(error_of_reading("b.npy", "no").substr(0, 3), "3: ");
  const double three[] = {1, 2, 3};
  const std::int64_t shape[] = {3};
  EXPECT_NE(error_of_reading("c.npy", encode_npy(shape, three)).find("1 subscripts; expected a table of two"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::data
