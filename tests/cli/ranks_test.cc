// One run over 1, 2, 3 and 5 processes of this machine. A launch that hangs is ended by mpirun's own clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "cli/tiny_run.h"

namespace starling::cli {
namespace {

using testing_program::content;
using testing_program::Folder;
using testing_program::Result;

const std::string flow_study = R"(
system = "muon"
job = "flow"
[problem]
particles = 8
[flow]
horizon = 1.0
[claims]
replicates = 3
chaos_particles = [4, 8, 16]
chaos_replicates = 4
chaos_reference = 200
)";

const std::string drift_study = R"(
system = "drift"
job = "study"
[study]
particles = [8, 12, 16]
samples = [32, 48, 64]
dimensions = [1, 2]
seeds = 2
horizon = 0.2
replicates = 2
)";

const std::string census = R"(
system = "students"
job = "census"
[problem]
teachers = 4
students = [1, 2, 3, 4]
[runs]
seeds = 24
)";

// Several chunks of the network's rows, and of the field's.
const std::string generator = R"(
system = "drift"
[data]
source = "moons"
[generator]
width = 32
[train]
steps = 24
batch = 700
data_batch = 300
evaluation = 300
repeats = 2
checkpoint_every = 6
)";

// Ten classes, in features whose gradient goes back through another network.
const std::string digits = R"(
system = "drift"
[data]
source = "file"
path = ")" STARLING_SOURCE_DIR R"(/data/digits.npz"
[generator]
width = 32
conditional = true
[features]
kind = "autoencoder"
width = 32
steps = 10
[train]
steps = 6
batch = 32
data_batch = 16
repeats = 2
)";

std::string particles(const std::string& field) {
  return R"(
system = "drift"
job = "particles"
[data]
source = "moons"
[cloud]
count = 700
[field]
kind = ")" +
         field + R"("
[motion]
steps = 3
)";
}

// Every bit of the database: content() of the other tests rounds, and leaves claims out.
std::string every_bit(const std::filesystem::path& database) {
  const study::Store store(database, study::Store::Open::existing);
  std::string out = content(database);
  const auto put = [&out](const std::optional<double>& v) {
    const double value = v.value_or(-1e300);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (const study::Metric& m : store.metrics()) {
    put(m.value);
    put(m.lower);
    put(m.upper);
    put(m.floor);
  }
  for (const study::Claim& c : store.claims()) {
    out += c.id + c.statement + c.expected + c.note + to_string(c.verdict);
    put(c.value);
    put(c.lower);
    put(c.upper);
  }
  for (const study::Figure& f : store.figures()) out += f.caption + store.image(f.id);
  return out;
}

class Ranks : public ::testing::Test {
 protected:
  // Open MPI leaves behind what its plugins took, and a leak checker cannot be told whose it is once they are
  // unloaded.
  static void SetUpTestSuite() { setenv("ASAN_OPTIONS", "detect_leaks=0", 1); }
  // Words before the program: mpirun with `ranks` processes, or nothing for one without it. Launches that
  // share the folder of their sessions may lose it when one of them ends (open-mpi/ompi issue 8510).
  std::vector<std::string> launcher(int ranks) const {
    if (ranks == 0) return {};
    return {STARLING_MPIRUN, "--allow-run-as-root", "--oversubscribe", "--timeout", "300",
            "--mca",         "orte_tmpdir_base",    session_.path,     "-n",        std::to_string(ranks)};
  }
  std::vector<std::string> arguments(const std::string& spec, const std::string& name) const {
    base::write_file_atomically(folder_.path / "spec.toml", spec);
    return {"run", folder_.path / "spec.toml", "--out", folder_.path / name, "--threads", "1", "--quiet"};
  }
  Result launch(int ranks, const std::vector<std::string>& args) const {
    return testing_program::wait(folder_.path, testing_program::start(folder_.path, args, launcher(ranks)));
  }
  // A run over ranks that are shells which become the program; `victim` is killed `pause` seconds after
  // `file` stands in the run's directory.
  void kill_rank(int victim, int ranks, const std::vector<std::string>& args, const std::string& file,
                 const std::string& pause) const {
    std::vector<std::string> words = launcher(ranks);
    const std::string script = "test $OMPI_COMM_WORLD_RANK = " + std::to_string(victim) +
                               " && (for i in $(seq 1000); do test -e \"$4/" + file +
                               "\" && break; sleep 0.01; done; sleep " + pause +
                               "; kill -9 $$) & exec \"$0\" \"$@\"";
    words.insert(words.end(), {"sh", "-c", script});
    const Result killed =
        testing_program::wait(folder_.path, testing_program::start(folder_.path, args, words));
    EXPECT_NE(killed.code, 0) << "nobody was killed";
  }
  std::string run(int ranks, const std::string& spec) const {
    const std::string name = "over-" + std::to_string(ranks);
    const Result result = launch(ranks, arguments(spec, name));
    EXPECT_EQ(result.code, 0) << result.errors;
    return whole(name);
  }
  // The database, and the files that are no function of the machine.
  std::string whole(const std::string& name) const {
    std::string out = every_bit(folder_.path / name / "run.db");
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path / name)) {
      const auto kind = entry.path().extension();
      if (kind == ".csv" || kind == ".npz" || kind == ".npy" || kind == ".safetensors")
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const auto& file : files) out += file.filename().string() + base::read_file(file);
    return out;
  }
  void expect_same_over_ranks(const std::string& spec) const {
    const std::string one = run(0, spec);
    EXPECT_GT(one.size(), 100U);
    for (const int ranks : {1, 2, 3, 5}) EXPECT_TRUE(one == run(ranks, spec)) << ranks << " ranks";
  }

  Folder session_{"mpi"};  // sockets lie there, whose paths must be short
  Folder folder_{::testing::UnitTest::GetInstance()->current_test_info()->name()};
};

TEST_F(Ranks, AStudyOfClaimsHasTheBytesOfOneProcess) {
  expect_same_over_ranks(flow_study);
}

TEST_F(Ranks, AStudyWhoseClaimsShareSeriesHasTheBytesOfOneProcess) {
  expect_same_over_ranks(drift_study);
}

TEST_F(Ranks, ACensusHasTheBytesAndFilesOfOneProcess) {
  expect_same_over_ranks(census);
}

TEST_F(Ranks, TheTrainingOfAGeneratorHasTheBytesOfOneProcess) {
  expect_same_over_ranks(generator);
}

TEST_F(Ranks, TheTrainingOfAConditionalGeneratorHasTheBytesOfOneProcess) {
  expect_same_over_ranks(digits);
}

TEST_F(Ranks, ARowNormalisedFieldHasTheBytesOfOneProcess) {
  expect_same_over_ranks(particles("displacement"));
}

TEST_F(Ranks, ADoublyNormalisedFieldHasTheBytesOfOneProcess) {
  expect_same_over_ranks(particles("toy"));
}

TEST_F(Ranks, AKilledTrainingResumesOverOtherRanksToTheSameBytes) {
  std::string spec = generator;
  spec.replace(spec.find("steps = 24"), 10, "steps = 400");
  const std::string one = run(0, spec);
  std::vector<std::string> args = arguments(spec, "killed");
  kill_rank(1, 2, args, "checkpoint.safetensors", "0");
  args.emplace_back("--resume");
  const Result resumed = launch(3, args);
  EXPECT_EQ(resumed.code, 0) << resumed.errors;
  EXPECT_TRUE(one == whole("killed"));
}

TEST_F(Ranks, AStudyWhoseRanksDieResumesToTheSameBytes) {
  std::string spec = drift_study;
  spec.replace(spec.find("[8, 12, 16]"), 11, "[16, 32, 96, 128]");
  const std::string one = run(0, spec);
  for (const int victim : {0, 1, 2}) {
    const std::string name = "killed-" + std::to_string(victim);
    std::vector<std::string> args = arguments(spec, name);
    kill_rank(victim, 3, args, "run.db", "0.3");
    args.emplace_back("--resume");
    const Result resumed = launch(2, args);
    EXPECT_EQ(resumed.code, 0) << resumed.errors;
    EXPECT_TRUE(one == whole(name)) << "victim " << victim;
  }
}

TEST_F(Ranks, AnErrorOfRankZeroEndsAllWithItsCode) {
  EXPECT_EQ(launch(3, arguments("system = \"drfit\"\n", "wrong")).code, 2);
  const auto args = arguments(census, "there");
  EXPECT_EQ(launch(2, args).code, 0);
  const Result again = launch(2, args);
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.errors.find("already holds a run"), std::string::npos) << again.errors;
}

TEST_F(Ranks, HelpNeedsNoRanks) {
  const Result result = launch(2, {"--help"});
  EXPECT_EQ(result.code, 0);
  EXPECT_NE(result.output.find("Start here"), std::string::npos);
}

TEST_F(Ranks, ASweepHasTheBytesOfOneProcess) {
  const auto sweep = [&](int ranks) {
    const std::string name = "sweep-" + std::to_string(ranks);
    base::write_file_atomically(
        folder_.path / "spec.toml",
        "system = \"drift\"\n[data]\nsource = \"moons\"\n[generator]\nwidth = 8\n[train]\nsteps = 4\nbatch = "
        "16\ndata_batch = 16\nevaluation = 20\nrepeats = 2\n");
    const Result result =
        launch(ranks, {"sweep", folder_.path / "spec.toml", "--over", "train.rate=0.001,0.01", "--over",
                       "seed=1,2,3", "--measure", "energy_distance", "--out", folder_.path / name,
                       "--threads", "1", "--quiet"});
    EXPECT_EQ(result.code, 0) << result.errors;
    return every_bit(folder_.path / name / "run.db");
  };
  const std::string one = sweep(0);
  for (const int ranks : {1, 2, 3, 5}) EXPECT_TRUE(one == sweep(ranks)) << ranks << " ranks";
}

}  // namespace
}  // namespace starling::cli
