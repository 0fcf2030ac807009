#include "starling/base/atomic_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "starling/base/error.h"

namespace starling::base {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public ::testing::Test {
 protected:
  AtomicFile()
      : folder_(
            fs::temp_directory_path() /
            ("starling-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
  }
  ~AtomicFile() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(AtomicFile, ReadsBackWhatWasWritten) {
  const std::string bytes("a\0b\n", 4);
  write_file_atomically(folder_ / "f", bytes);
  EXPECT_EQ(read_file(folder_ / "f"), bytes);
}

TEST_F(AtomicFile, LeavesNoTemporaryBehind) {
  write_file_atomically(folder_ / "f", "1");
  write_file_atomically(folder_ / "f", "2");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(AtomicFile, LeavesTheTargetAndNoTemporaryWhenItCannotReplace) {
  fs::create_directory(folder_ / "f");  // a folder cannot be replaced by a file
  EXPECT_THROW(write_file_atomically(folder_ / "f", "new"), Error);
  EXPECT_TRUE(fs::is_directory(folder_ / "f"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(AtomicFile, NamesThePathOfAMissingFileAndOfAFolder) {
  try {
    (void)read_file(folder_ / "missing.npy");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("missing.npy: cannot read"), std::string::npos);
    EXPECT_EQ(error.kind(), ErrorKind::input);
  }
  EXPECT_THROW((void)read_file(folder_), Error);
}

}  // namespace
}  // namespace starling::base
