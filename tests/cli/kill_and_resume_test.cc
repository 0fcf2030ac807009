#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <random>
#include <thread>

#include "cli/tiny_run.h"

namespace starling::cli {
namespace {

using testing_program::content;
using testing_program::Folder;
using testing_program::run;

const std::string plain = R"(
system = "drift"
seed = 3
[data]
source = "moons"
[generator]
width = 64
[field]
temperatures = [0.1, 0.3]
[train]
steps = 600
batch = 128
data_batch = 128
checkpoint_every = 25
evaluation = 200
repeats = 2
)";

// All that holds, or seems to hold, more state than the network: a queue, an autoencoder, strengths of
// guidance.
const std::string rich = R"(
system = "drift"
seed = 3
[data]
source = "file"
path = ")" STARLING_SOURCE_DIR R"(/data/digits.npz"
rescale = "unit"
[queue]
size = 100
push = 8
[generator]
width = 64
conditional = true
[guidance]
largest = 3
[features]
kind = "autoencoder"
width = 32
steps = 50
[field]
rule = "median"
temperatures = [0.05, 0.2]
[train]
steps = 250
batch = 16
data_batch = 16
checkpoint_every = 10
repeats = 2
)";

// Momenta and second moments of matrices beside AdamW's.
const std::string matrices = plain + "optimizer = \"normuon\"\nrate = 0.02\n";

// Eigenbases and means of matrices to twice the digits, spectra beside the series.
const std::string experts = R"(
system = "muon"
job = "train"
[data]
path = ")" STARLING_SOURCE_DIR R"(/data/digits.npz"
[network]
kind = "experts"
width = 32
hidden = 16
[train]
steps = 300
optimizer = "soap"
rate = 0.003
checkpoint_every = 20
)";

// The curvature of a quasi-Newton method, points that follow the residual and points held out, in two windows
// of time.
const std::string equation = R"(
system = "pinn"
job = "solve"
[problem]
equation = """
param k = 0.1
u_t = k*u_xx
domain x = 0..1, t = 0..1
u(x, 0) = sin(pi*x)
u(0, t) = 0
u(1, t) = 0
exact u = exp(-k*pi^2*t)*sin(pi*x)
"""
[network]
width = 8
[points]
interior = 600
condition = 50
sampling = "adaptive"
renew_every = 50
pool = 2000
[train]
adam_steps = 30
steps = 170
windows = 2
stop = "held_out"
checkpoint_every = 15
)";

// A language model: both groups of parameters, and batches at random places of the text.
const std::string language = R"(
system = "depth"
job = "train"
[data]
path = ")" STARLING_SOURCE_DIR R"(/README.md"
[network]
context = 32
layers = 2
width = 32
heads = 2
[train]
steps = 400
batch = 17
warm_up = 5
checkpoint_every = 20
)";

// The scales of the data beside the network, and prompts that are drawn anew in every step.
const std::string sequences = R"(
system = "depth"
job = "sequence"
[task]
kind = "in_context"
[prompts]
width = 2
examples = 5
test = 100
[network]
layers = 1
width = 16
heads = 2
[train]
steps = 400
batch = 8
warm_up = 5
checkpoint_every = 20
)";

struct Case {
  const char* name;
  const std::string& spec;
};
// What a test report prints for the case, which would else be the bytes of two pointers.
std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class KillAndResume : public ::testing::TestWithParam<Case> {
 protected:
  KillAndResume() : folder_(std::string("kill-") + GetParam().name) {
    base::write_file_atomically(folder_.path / "spec.toml", GetParam().spec);
  }

  std::string run_whole(const std::string& name, const std::string& threads) {
    const auto result = run(folder_.path, {"run", folder_.path / "spec.toml", "--out", folder_.path / name,
                                           "--threads", threads});
    EXPECT_EQ(result.code, 0) << result.errors;
    return base::read_file(folder_.path / name / "model.safetensors") +
           content(folder_.path / name / "run.db");
  }

  Folder folder_;
};

TEST_P(KillAndResume, GivesTheSameBytesForAnyNumberOfThreads) {
  const std::string one = run_whole("one", "1");
  EXPECT_TRUE(one == run_whole("two", "2"));
  EXPECT_TRUE(one == run_whole("five", "5"));
}

TEST_P(KillAndResume, GivesTheSameBytesAfterTenKills) {
  const auto began = std::chrono::steady_clock::now();
  const std::string whole = run_whole("whole", "2");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const std::filesystem::path out = folder_.path / "killed";
  std::mt19937 random(20261125);  // fixed, but the machine decides what a moment hits
  int kills = 0;
  bool done = false;
  for (int attempt = 0; attempt < 200 && !done; ++attempt) {
    const bool resume = std::filesystem::exists(out / "manifest.json");
    std::vector<std::string> args = {"run", folder_.path / "spec.toml", "--out", out, "--threads", "2"};
    if (resume) args.emplace_back("--resume");
    const pid_t pid = testing_program::start(folder_.path, args);
    if (kills < 10) {
      const double share = std::uniform_real_distribution<double>(0.02, 0.6)(random);
      std::this_thread::sleep_for(std::chrono::duration<double>(share * seconds));
      ::kill(pid, SIGKILL);
    }
    const auto result = testing_program::wait(folder_.path, pid);
    if (result.code == -SIGKILL) ++kills;
    done = result.code == 0;
    ASSERT_TRUE(done || result.code == -SIGKILL) << result.errors;
    if (done && kills < 10) {  // finished between two kills: start over, keep counting
      std::filesystem::remove_all(out);
      done = false;
    }
  }
  ASSERT_TRUE(done);
  EXPECT_EQ(kills, 10);
  EXPECT_TRUE(whole == base::read_file(out / "model.safetensors") + content(out / "run.db"));
}

TEST_P(KillAndResume, StopsAtASignalWithACheckpointAndCode130) {
  const std::filesystem::path out = folder_.path / "stopped";
  const std::vector<std::string> args = {"run",   folder_.path / "spec.toml", "--out", out,
                                         "--set", "train.steps=1000000"};
  const pid_t pid = testing_program::start(folder_.path, args);
  while (!std::filesystem::exists(out / "checkpoint.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::kill(pid, SIGTERM);
  const auto result = testing_program::wait(folder_.path, pid);
  EXPECT_EQ(result.code, 130);
  EXPECT_NE(result.errors.find("continue with --resume"), std::string::npos);
}

// A cloud of which a single move takes many seconds: the first interrupt waits for it, the second does not.
TEST(Interrupt, EndsALongStepAtOnceWhenAskedTwice) {
  const Folder folder("interrupted-twice");
  base::write_file_atomically(folder.path / "spec.toml",
                              R"(
system = "drift"
job = "particles"
[data]
source = "checkerboard"
[target]
points = 200000
[cloud]
count = 200000
[field]
kind = "conservative"
kernel = "gaussian"
temperatures = [0.1]
)");
  const pid_t pid =
      testing_program::start(folder.path, {"run", folder.path / "spec.toml", "--out", folder.path / "run"});
  while (!std::filesystem::exists(folder.path / "run" / "run.db"))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::kill(pid, SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ASSERT_EQ(::waitpid(pid, nullptr, WNOHANG), 0);
  ::kill(pid, SIGINT);
  const auto result = testing_program::wait(folder.path, pid);
  EXPECT_EQ(result.code, -SIGINT);
  EXPECT_NE(result.errors.find("interrupt again"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Specs, KillAndResume,
                         ::testing::Values(Case{"plain", plain}, Case{"rich", rich},
                                           Case{"matrices", matrices}, Case{"experts", experts},
                                           Case{"equation", equation}, Case{"language", language},
                                           Case{"sequences", sequences}),
                         [](const ::testing::TestParamInfo<Case>& one) {
                           return std::string(one.param.name);
                         });

}  // namespace
}  // namespace starling::cli
