#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cli/tiny_run.h"
#include "starling/data/safetensors.h"

namespace starling::cli {
namespace {

using testing_program::content;

/// While it lives, programs that are started cannot write a file above `bytes`: a full disk without a disk.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

class DamagedRun : public testing_program::TinyRun {
 protected:
  std::vector<std::string> run_args(const std::filesystem::path& to) const {
    return {"run", tiny("checkpoint_every = 1\n"), "--out", to, "--quiet"};
  }
  std::vector<std::string> resume_args(const std::filesystem::path& to) const {
    auto args = run_args(to);
    args.emplace_back("--resume");
    return args;
  }
  void train() { expect(0, "", run_args(out())); }
  // A run that was stopped after its first checkpoint; returns how it is resumed.
  std::vector<std::string> interrupted() const {
    auto args = run_args(out());
    args.insert(args.end(), {"--set", "train.steps=1000000"});
    const pid_t pid = testing_program::start(folder_.path, args);
    while (!std::filesystem::exists(out() / "checkpoint.safetensors"))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(pid, SIGTERM);
    EXPECT_EQ(testing_program::wait(folder_.path, pid).code, 130);
    args.emplace_back("--resume");
    return args;
  }
  std::string bytes(const std::filesystem::path& to) const {
    return base::read_file(to / "model.safetensors") + content(to / "run.db");
  }
  void damage(const std::string& name, std::string_view with) {
    base::write_file_atomically(out() / name, with);
  }
  // Every verb that reads a run refuses it, and leaves every file as it was.
  void refused(const std::string& words, const std::vector<std::string>& verbs) {
    const std::string report = base::read_file(out() / "report.html");
    for (const std::string& verb : verbs) {
      SCOPED_TRACE(verb);
      std::vector<std::string> args = {verb, out()};
      if (verb == "sample") args.insert(args.end(), {"--out", folder_.path / "s.npy"});
      if (verb == "resume") args = resume_args(out());
      expect(3, words, args);
    }
    EXPECT_EQ(base::read_file(out() / "report.html"), report);
    EXPECT_FALSE(std::filesystem::exists(folder_.path / "s.npy"));
  }
};

TEST_F(DamagedRun, ManifestIsNamedByEveryVerb) {
  train();
  for (const char* manifest : {"", "{", "[1]", "{}", "{\"config\": 3}"}) {
    damage("manifest.json", manifest);
    refused("manifest.json: damaged", {"sample", "export", "report", "resume"});
  }
  damage("manifest.json", R"({"config": {"system": "drift", "job": "train"}})");
  refused("manifest.json: damaged: it lacks seed", {"sample", "export"});
  damage("manifest.json", R"({"config": {"system": 3}})");
  refused("manifest.json: damaged: it names no system", {"sample", "export"});
}

TEST_F(DamagedRun, DatabaseIsNamedByEveryVerbThatReadsIt) {
  train();
  const std::string whole = base::read_file(out() / "run.db");
  for (const std::string& database : {std::string(), std::string(5000, 'x'), whole.substr(0, 9000)}) {
    damage("run.db", database);
    refused("run.db: database: ", {"export", "report", "resume"});
    EXPECT_EQ(base::read_file(out() / "run.db"), database);
  }
  std::filesystem::remove(out() / "run.db");
  refused("run.db: database: No such file", {"export", "report", "resume"});
  EXPECT_FALSE(std::filesystem::exists(out() / "run.db"));
}

TEST_F(DamagedRun, CheckpointIsNamedByEveryVerbThatReadsIt) {
  train();
  const std::string whole = base::read_file(out() / "checkpoint.safetensors");
  std::string flipped = whole;
  flipped[flipped.size() - 5] = static_cast<char>(flipped[flipped.size() - 5] ^ 1);
  for (const std::string& checkpoint :
       {std::string(), whole.substr(0, 900), whole.substr(0, whole.size() - 1), flipped,
        std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}")}) {
    damage("checkpoint.safetensors", checkpoint);
    refused("checkpoint.safetensors: ", {"sample", "export"});
    EXPECT_EQ(base::read_file(out() / "checkpoint.safetensors"), checkpoint);
  }
  std::filesystem::remove(out() / "checkpoint.safetensors");
  refused("checkpoint.safetensors: cannot read", {"sample", "export"});
}

// Of a config that somebody else wrote: a network that no memory holds, beside a checkpoint of a small one.
TEST_F(DamagedRun, ANetworkLargerThanItsCheckpointTakesNoMemory) {
  const std::string table =
      write("table.csv", "a,b,label\n1,2,0\n2,1,1\n0,1,0\n3,2,1\n1,1,0\n2,2,1\n0,3,0\n3,0,1\n");
  const std::string text =
      write("text.txt", "to be or not to be, that is the question: to be is to do, to do is to be\n");
  const std::string numbers = "[data]\npath = \"" + table + "\"\nlabel_column = \"label\"\n";
  const std::string network = "[network]\nlayers = 1\nheads = 2\nwidth = 8\n";
  const std::string steps = "[train]\nsteps = 4\nbatch = 2\nmeasurements = 2\n";
  const std::vector<std::pair<std::string, std::string>> specs = {
      {"sequence",
       "system = \"depth\"\njob = \"sequence\"\n" + numbers + "sequences = \"numbers\"\n" + network + steps},
      {"text", "system = \"depth\"\n[data]\npath = \"" + text + "\"\ntokens = \"characters\"\n" + network +
                   "context = 8\n" + steps},
      {"muon", "system = \"muon\"\njob = \"train\"\n" + numbers + "[network]\nwidth = 8\n" + steps},
      {"drift", base::read_file(tiny())}};
  for (const auto& [name, spec] : specs) {
    SCOPED_TRACE(name);
    const std::filesystem::path to = folder_.path / (name + "-run");
    expect(0, "", {"run", write(name + ".toml", spec), "--out", to, "--quiet"});
    std::string manifest = base::read_file(to / "manifest.json");
    const std::string width = "\"width\": 8";
    ASSERT_NE(manifest.find(width), std::string::npos) << manifest;
    manifest.replace(manifest.find(width), width.size(), "\"width\": 16384");
    base::write_file_atomically(to / "manifest.json", manifest);
    expect(3, "tensor 'state.parameters' is missing or of another size", {"export", to});
  }
}

TEST_F(DamagedRun, ResumeRefusesADamagedCheckpointAndKeepsIt) {
  const auto resume = interrupted();
  const std::string cut = base::read_file(out() / "checkpoint.safetensors").substr(0, 3000);
  damage("checkpoint.safetensors", cut);
  expect(3, "checkpoint.safetensors: tensor ", resume);
  EXPECT_EQ(base::read_file(out() / "checkpoint.safetensors"), cut);
}

// A loop would go on from there for ever, or from a number below the smallest.
TEST_F(DamagedRun, ResumeRefusesACheckpointOfImpossibleSteps) {
  const auto resume = interrupted();
  auto file = data::decode_safetensors(base::read_file(out() / "checkpoint.safetensors"), "checkpoint");
  const auto steps = std::ranges::find(file.tensors, "state.steps", &data::Tensor::name);
  ASSERT_NE(steps, file.tensors.end());
  for (const std::int64_t done : {std::int64_t{-1}, std::int64_t{1000001}, INT64_MIN}) {
    std::memcpy(steps->bytes.data(), &done, sizeof done);
    damage("checkpoint.safetensors", data::encode_safetensors(file));
    expect(3, "damaged: " + std::to_string(done) + " steps are done; expected 0 to 1000000", resume);
  }
}

TEST_F(DamagedRun, PlacesThatCannotBeWrittenAreNamed) {
  const std::string file = write("in-the-way", "a file");
  expect(3, "cannot make the run directory", {"run", tiny(), "--out", file + "/run"});
  expect(3, "cannot make the run directory", {"run", tiny(), "--out", "/proc/run"});
  train();
  expect(3, file + "/s.npy: cannot open for writing", {"sample", out(), "--out", file + "/s.npy"});
  expect(3, "/proc/s.npy: cannot open for writing", {"sample", out(), "--out", "/proc/s.npy"});
  expect(3, file + ": cannot make the folder", {"export", out(), "--out", file});
  expect(3, "/proc/export: cannot make the folder", {"export", out(), "--out", "/proc/export"});
  EXPECT_EQ(base::read_file(file), "a file");
}

TEST_F(DamagedRun, LogThatCannotBeWrittenDoesNotEndTheRun) {
  const auto shell = [&](const std::string& command) {
    return WEXITSTATUS(std::system((std::string(STARLING_BINARY) + " " + command).c_str()));
  };
  const std::string train = "run " + tiny() + " --out " + out().string();
  EXPECT_EQ(shell(train + " > /dev/null 2> /dev/full"), 0);
  EXPECT_TRUE(std::filesystem::exists(out() / "report.html"));
  EXPECT_EQ(shell("run gone.toml 2> /dev/full"), 2);
  EXPECT_EQ(shell("new drift > /dev/full 2> /dev/null"), 3);
  EXPECT_EQ(shell(train + " --resume --json > /dev/full 2> /dev/null"), 3);
  EXPECT_EQ(shell("new drift > /dev/full 2> " + (folder_.path / "words").string()), 3);
  EXPECT_EQ(base::read_file(folder_.path / "words"),
            "starling: standard output cannot be written: what was printed is not complete\n");
}

TEST_F(DamagedRun, FullDiskIsReportedAndTheRunResumesToTheSameBytes) {
  const std::filesystem::path whole = folder_.path / "whole";
  expect(0, "", run_args(whole));
  const std::string expected = bytes(whole);
  int failures = 0;
  for (const rlim_t limit : {200U, 2000U, 5000U, 20000U, 50000U, 100000U, 200000U, 1000000U, 4000000U}) {
    SCOPED_TRACE(limit);
    std::filesystem::remove_all(out());
    testing_program::Result result;
    {
      const FileLimit full(limit);
      result = testing_program::run(folder_.path, run_args(out()));
    }
    if (result.code == 0) continue;
    ++failures;
    EXPECT_EQ(result.code, 3) << result.errors;
    EXPECT_TRUE(result.errors.find("File too large") != std::string::npos ||
                result.errors.find("run.db: database: ") != std::string::npos)
        << result.errors;
    const bool begun = std::filesystem::exists(out() / "manifest.json");
    expect(0, "", begun ? resume_args(out()) : run_args(out()));
    EXPECT_TRUE(bytes(out()) == expected);
  }
  EXPECT_GE(failures, 6);
}

}  // namespace
}  // namespace starling::cli
