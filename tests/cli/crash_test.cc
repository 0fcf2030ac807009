// What happens to a run of every system when the machine turns on it: killed at any moment, no room on the
// disk, a folder that cannot be written, a clock that jumps, no memory. Nothing that was written is lost, the
// program says in a line what was wrong, and --resume ends with the same content. kill_and_resume_test.cc has
// longer trainings and counts its kills; here are all systems and a sweep, and every disturbance.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <ostream>
#include <random>
#include <thread>

#include "cli/tiny_run.h"

namespace starling::cli {
namespace {

using testing_program::content;
using testing_program::Folder;
using testing_program::Result;
using testing_program::run;

struct Job {
  const char* name;
  std::vector<std::string> args;  ///< a spec in examples/ and what makes it short
  std::string verb = "run";
  std::string points{};  ///< what a trained model can be asked, points.csv of SetUp or a path; or nothing
};
std::ostream& operator<<(std::ostream& out, const Job& one) {
  return out << one.name;
}

std::string example(const std::string& name) {
  return STARLING_SOURCE_DIR "/examples/" + name;
}

const std::vector<Job>& jobs() {
  static const std::string table = STARLING_SOURCE_DIR "/data/digits.npz", digits = "data.path=" + table;
  static const std::vector<Job> all = {
      {"particles", {example("particles.toml"), "--set", "target.points=200"}},
      {"drift_study",
       {example("drift-study.toml"), "--set", "study.particles=[8, 12, 16]", "--set", "study.replicates=3",
        "--set", "study.horizon=0.1"}},
      {"census", {example("students/census.toml"), "--set", "problem.students=[1, 2, 3]"}},
      {"muon_flow",
       {example("muon/flow.toml"), "--set", "flow.horizon=1", "--set", "claims.chaos_particles=[4, 8, 16]",
        "--set", "claims.chaos_replicates=4", "--set", "claims.chaos_reference=200", "--set",
        "claims.replicates=3"}},
      {"muon_train",
       {example("muon/train.toml"), "--set", digits, "--set", "train.steps=60", "--set",
        "train.checkpoint_every=10"},
       "run",
       table},
      {"muon_sweep",
       {example("muon/train.toml"), "--set", digits, "--set", "train.steps=30", "--set",
        "train.checkpoint_every=10", "--over", "train.rate=0.003,0.03", "--over", "seed=1,2", "--measure",
        "validation_loss"},
       "sweep"},
      {"compress",
       {example("students/compress.toml"), "--set", "input.path=" + table, "--set", "teacher.steps=50",
        "--set", "student.neurons=[4, 8]", "--set", "search.starts=2", "--set", "search.steps=5", "--set",
        "rivals.steps=20"},
       "run",
       table},
      {"text",
       {example("depth/text.toml"), "--set", "data.path=" STARLING_SOURCE_DIR "/LICENSE", "--set",
        "network.width=32", "--set", "network.layers=2", "--set", "train.steps=60", "--set",
        "train.checkpoint_every=10"},
       "run",
       STARLING_SOURCE_DIR "/LICENSE"},
      {"sequence",
       {example("depth/sequence.toml"), "--set", digits, "--set", "network.width=16", "--set",
        "network.layers=1", "--set", "train.steps=60", "--set", "train.checkpoint_every=10"},
       "run",
       table},
      {"limit",
       {example("depth/limit.toml"), "--set", "study.layers=[4, 8, 16]", "--set", "study.heads=[1, 2]",
        "--set", "study.steps=[0, 2]", "--set", "study.replicas=8", "--set", "study.transfer_layers=[2, 4]",
        "--set", "study.transfer_replicas=2", "--set", "study.token_counts=[4, 8]", "--set",
        "study.widths=[8, 12]"}},
      {"heat",
       {example("pinn/heat.toml"), "--set", "train.steps=60", "--set", "train.checkpoint_every=10"},
       "run",
       "points.csv"}};
  return all;
}

class Crash : public ::testing::TestWithParam<Job> {
 protected:
  std::vector<std::string> args(const std::filesystem::path& out) const {
    std::vector<std::string> all = {GetParam().verb};
    all.insert(all.end(), GetParam().args.begin(), GetParam().args.end());
    for (const char* more : {"--threads", "2", "--quiet", "--out"}) all.emplace_back(more);
    all.push_back(out);
    if (std::filesystem::exists(out / "manifest.json")) all.emplace_back("--resume");
    return all;
  }
  // What the run found and every file that it made, those of a sweep's runs too, but for the clock's: the
  // manifests, and the pages that show them.
  static std::string all_of(const std::filesystem::path& out) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
      const std::string name = entry.path().filename();
      if (!entry.is_regular_file() || name == "manifest.json" || name == "report.html") continue;
      const std::string place = entry.path().lexically_relative(out);
      if (name == "run.db") files[place] = content(entry.path());
      if (!name.starts_with("run.db")) files[place] = base::read_file(entry.path());
    }
    std::string text;
    for (const auto& [name, bytes] : files) text += name + "\n" + bytes;
    return text;
  }
  void expect_one_line(const Result& result) const {
    EXPECT_GT(result.code, 0) << "no signal ended it; " << result.errors;
    EXPECT_LE(std::count(result.errors.begin(), result.errors.end(), '\n'), 2) << result.errors;
    EXPECT_EQ(result.errors.rfind("starling: ", 0), 0U) << result.errors;
  }
  void expect_same(const std::filesystem::path& out) {
    const Result result = run(folder_.path, args(out));
    ASSERT_EQ(result.code, 0) << result.errors;
    EXPECT_TRUE(all_of(out) == whole_) << "other content than an undisturbed run";
  }
  void SetUp() override {
    base::write_file_atomically(folder_.path / "points.csv", "0.25,0.5\n0.5,0.25\n");
    const auto began = std::chrono::steady_clock::now();
    const Result result = run(folder_.path, args(folder_.path / "whole"));
    ASSERT_EQ(result.code, 0) << result.errors;
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    whole_ = all_of(folder_.path / "whole");
  }

  Folder folder_{std::string("crash-") + GetParam().name};
  std::string whole_;
  double seconds_ = 0;
};

TEST_P(Crash, KilledAtAnyMomentItEndsWithTheSameContent) {
  std::mt19937 random(20261126);
  const std::filesystem::path out = folder_.path / "killed";
  for (int kill = 0; kill < 8; ++kill) {
    const pid_t pid = testing_program::start(folder_.path, args(out));
    std::this_thread::sleep_for(
        std::chrono::duration<double>(std::uniform_real_distribution<double>(0, 0.5)(random) * seconds_));
    ::kill(pid, SIGKILL);
    const Result result = testing_program::wait(folder_.path, pid);
    ASSERT_TRUE(result.code == -SIGKILL || result.code == 0) << result.code << result.errors;
    if (result.code == 0) std::filesystem::remove_all(out);
  }
  expect_same(out);
}

// What a verb makes of the whole run is there whole or not at all, whenever the verb is killed.
TEST_P(Crash, KilledWhileItReadsARunLeavesWholeFilesOnly) {
  const std::filesystem::path from = folder_.path / "whole", to = folder_.path / "made";
  std::vector<std::vector<std::string>> verbs = {
      {"export", from, "--out", to},  // a census has tables and, it says, no network
      {"sample", from, "--count", "500", "--out", to / "samples.npy"},  // where there is something to sample
      {"report", from}};
  if (!GetParam().points.empty())
    verbs.push_back({"predict", from, folder_.path / GetParam().points, "--out", to / "p.npy"});
  for (const auto& verb : verbs) {
    SCOPED_TRACE(verb.front());
    const auto made = [&] {
      std::map<std::string, std::string> files;
      for (const auto& entry : std::filesystem::directory_iterator(to))
        if (!entry.path().filename().string().starts_with("."))
          files[entry.path()] = base::read_file(entry.path());
      files["report"] = base::read_file(from / "report.html");
      return files;
    };
    std::filesystem::create_directories(to);
    const auto began = std::chrono::steady_clock::now();
    run(folder_.path, verb);
    const auto lasts = std::chrono::steady_clock::now() - began;
    const std::map<std::string, std::string> good = made();
    for (int i = 0; i < 15; ++i) {
      std::filesystem::remove_all(to);
      std::filesystem::create_directories(to);
      const pid_t pid = testing_program::start(folder_.path, verb);
      std::this_thread::sleep_for(lasts * i / 14);
      ::kill(pid, SIGKILL);
      testing_program::wait(folder_.path, pid);
      for (const auto& [name, bytes] : made()) {
        ASSERT_TRUE(good.contains(name)) << name;
        EXPECT_TRUE(good.at(name) == bytes) << name;
      }
    }
    std::filesystem::remove_all(to);
  }
  base::remove_unfinished(from);
  EXPECT_TRUE(all_of(from) == whole_) << "they read only";
}

// A file system of its own, in memory, of so many bytes. Mounting takes rights that not everybody has.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mount(const std::string& size) const {
    return ::mount("tmpfs", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  bool again(unsigned long flags, const std::string& size) const {
    return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | flags, ("size=" + size).c_str()) == 0;
  }

 private:
  std::filesystem::path path_;
};

TEST_P(Crash, FullDiskIsSaidAndWithRoomItEndsWithTheSameContent) {
  for (const char* size : {"16k", "64k", "200k", "1m", "3m"}) {
    SCOPED_TRACE(size);
    const std::filesystem::path place = folder_.path / ("disk-" + std::string(size));
    const SmallDisk disk(place);
    ASSERT_TRUE(disk.mount(size)) << "mounting a small disk takes root";
    const Result result = run(folder_.path, args(place / "run"));
    if (result.code != 0) {
      EXPECT_EQ(result.code, 3) << result.errors;
      expect_one_line(result);
    }
    ASSERT_TRUE(disk.again(0, "200m"));
    expect_same(place / "run");
  }
}

TEST_P(Crash, FolderThatCannotBeWrittenIsSaidAndNothingInItChanges) {
  const std::filesystem::path place = folder_.path / "sealed";
  const SmallDisk disk(place);
  ASSERT_TRUE(disk.mount("200m")) << "mounting a small disk takes root";
  ASSERT_EQ(run(folder_.path, args(place / "run")).code, 0);
  ASSERT_TRUE(disk.again(MS_RDONLY, "200m"));
  for (const auto& verb : std::vector<std::vector<std::string>>{args(place / "other"),
                                                                args(place / "run"),
                                                                {"export", place / "run"},
                                                                {"report", place / "run"}}) {
    const Result result = run(folder_.path, verb);
    EXPECT_EQ(result.code, 3) << verb.front() << ": " << result.errors;
    expect_one_line(result);
  }
  ASSERT_TRUE(disk.again(0, "200m"));
  EXPECT_TRUE(all_of(place / "run") == whole_);
}

TEST_P(Crash, ClockThatJumpsByYearsChangesNothing) {
  const std::string library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  ASSERT_TRUE(std::filesystem::exists(library)) << "the package faketime is not installed";
  const std::filesystem::path offset = folder_.path / "offset", out = folder_.path / "jumped";
  base::write_file_atomically(offset, "+0\n");
  setenv("LD_PRELOAD", library.c_str(), 1);
  setenv("FAKETIME_TIMESTAMP_FILE", offset.c_str(), 1);
  setenv("FAKETIME_NO_CACHE", "1", 1);
  setenv("DONT_FAKE_MONOTONIC", "1", 1);  // as when somebody sets the clock
  const pid_t pid = testing_program::start(folder_.path, args(out));
  for (const char* jump : {"+10y\n", "-20y\n", "+3h\n", "-1d\n"}) {
    std::this_thread::sleep_for(std::chrono::duration<double>(0.15 * seconds_));
    base::write_file_atomically(offset, jump);
  }
  const Result result = testing_program::wait(folder_.path, pid);
  for (const char* name :
       {"LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "DONT_FAKE_MONOTONIC"})
    unsetenv(name);
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_TRUE(all_of(out) == whole_);
}

// Starts the program with so much address space. The limit is set in the child: with it the test itself could
// not start one.
pid_t start_within(const Folder& folder, rlim_t megabytes, const std::vector<std::string>& args) {
  std::vector<std::string> words = {STARLING_BINARY};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = folder.path / "stdout", err = folder.path / "stderr";
  const pid_t pid = fork();
  if (pid != 0) return pid;
  dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
  dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
  const rlimit limit{megabytes << 20U, megabytes << 20U};
  setrlimit(RLIMIT_AS, &limit);
  execv(argv.front(), argv.data());
  _exit(127);
}

TEST_P(Crash, TooLittleMemoryIsSaidAndWithMoreItEndsWithTheSameContent) {
  int failures = 0;
  for (const rlim_t megabytes : {45U, 60U, 80U, 100U, 150U, 250U, 400U}) {
    SCOPED_TRACE(megabytes);
    const std::filesystem::path out = folder_.path / ("small-" + std::to_string(megabytes));
    const pid_t pid = start_within(folder_, megabytes, args(out));
    std::atomic<bool> ended = false;
    std::thread watch([&] {  // one that hangs is ended, and counts as a crash
      for (int i = 0; i < 1200 && !ended; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (!ended) ::kill(pid, SIGKILL);
    });
    const Result result = testing_program::wait(folder_.path, pid);
    ended = true;
    watch.join();
    if (result.code == 0) continue;
    ++failures;
    // Without room for its libraries it is the loader that speaks, or not even that.
    if (result.code != 127 && megabytes >= 80) expect_one_line(result);
    expect_same(out);
  }
  EXPECT_GT(failures, 0);
}

INSTANTIATE_TEST_SUITE_P(Jobs, Crash, ::testing::ValuesIn(jobs()),
                         [](const ::testing::TestParamInfo<Job>& one) {
                           return std::string(one.param.name);
                         });

}  // namespace
}  // namespace starling::cli
