#include "starling/study/run_directory.h"

#include "starling/base/atomic_file.h"
#include "study/scratch.h"

namespace starling::study {
namespace {

using testing::error_of;

class RunDirectoryTest : public testing::Scratch {};

TEST_F(RunDirectoryTest, IsMadeWithItsParents) {
  const auto directory = RunDirectory::open(folder_ / "a" / "b", false);
  directory.write_manifest({{"config", nlohmann::json::object()}, {"status", "running"}});
  EXPECT_EQ(RunDirectory::existing(folder_ / "a" / "b").read_manifest().at("status"), "running");
}

TEST_F(RunDirectoryTest, RefusesToOverwriteARunAndNamesTheRemedy) {
  RunDirectory::open(folder_ / "run", false).write_manifest({});
  EXPECT_EQ(error_of([&] { RunDirectory::open(folder_ / "run", false); }),
            "2: " + (folder_ / "run").string() +
                ": already holds a run; continue it with --resume or choose another --out");
}

TEST_F(RunDirectoryTest, RefusesAFolderOfOtherThings) {
  base::write_file_atomically(folder_ / "thesis.tex", "important");
  EXPECT_EQ(error_of([&] { RunDirectory::open(folder_, false); }),
            "2: " + folder_.string() + ": holds other files and no run; choose another --out");
}

TEST_F(RunDirectoryTest, StartsWhereAKillLeftOnlyAnUnfinishedManifest) {
  base::write_file_atomically(folder_ / ".manifest.json.123.tmp", "{");
  RunDirectory::open(folder_, false).write_manifest({});
  base::write_file_atomically(folder_ / ".checkpoint.safetensors.123.tmp", "x");
  RunDirectory::open(folder_, true);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".manifest.json.123.tmp"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".checkpoint.safetensors.123.tmp"));
}

TEST_F(RunDirectoryTest, RefusesToResumeNothing) {
  EXPECT_EQ(
      error_of([&] { RunDirectory::open(folder_ / "none", true); }),
      "2: " + (folder_ / "none").string() + ": holds no run to resume; leave --resume out to start one");
  EXPECT_EQ(error_of([&] { RunDirectory::existing(folder_ / "none"); }).substr(0, 3), "2: ");
}

TEST_F(RunDirectoryTest, NamesAPlaceThatCannotBeWritten) {
  base::write_file_atomically(folder_ / "file", "");
  const auto under = folder_ / "file" / "run";
  EXPECT_EQ(error_of([&] { RunDirectory::open(under, false); }),
            "3: " + under.string() + ": cannot make the run directory: Not a directory");
  EXPECT_EQ(error_of([&] { RunDirectory::open(folder_ / "file", false); }).substr(0, 3), "3: ");
  EXPECT_EQ(error_of([&] { RunDirectory::open(folder_ / std::string(300, 'x'), false); }).substr(0, 3),
            "3: ");
}

TEST_F(RunDirectoryTest, NamesADamagedManifest) {
  const auto directory = RunDirectory::open(folder_ / "run", false);
  base::write_file_atomically(directory.manifest(), "{\"config\": ");
  EXPECT_EQ(error_of([&] {
              (void)directory.read_manifest();
            }).find("3: " + directory.manifest().string() + ": damaged"),
            0U);
}

}  // namespace
}  // namespace starling::study
