#include "cli/tiny_run.h"
#include "starling/data/npy.h"
#include "starling/data/npz.h"

namespace starling::cli {
namespace {

using testing_program::content;

class Census : public testing_program::TinyRun {
 protected:
  std::string small(const std::string& more = "") const {
    return write("small.toml",
                 "system = \"students\"\njob = \"census\"\n[problem]\nteachers = 4\nstudents = [2, 3]\n" +
                     more + "[runs]\nseeds = 300\n[extras]\nsearches = 3\ntraces = 2\n");
  }
  static std::string everything(const std::filesystem::path& run) {
    std::string out = content(run / "run.db");
    for (const char* name :
         {"classes_2.csv", "classes_3.csv", "critical_points_2.npz", "critical_points_3.npz"})
      out += base::read_file(run / name);
    return out;
  }
};

TEST_F(Census, PrintsEveryCriticalPointWithItsShare) {
  expect(0, "minimum, copy average: ", {"run", small(), "--out", out(), "--set", "problem.students=[2]"});
  const std::string table = base::read_file(out() / "classes_2.csv");
  EXPECT_EQ(table.find("class,count,share,low,high,loss,label,kind,structure"), 0U);
  const std::string path = out() / "critical_points_2.npz";
  const auto arrays = data::parse_npz(base::read_file(path), path);
  EXPECT_EQ(arrays.at("w_1").shape, (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(arrays.at("a_1").shape, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(arrays.at("eigenvalues_1").shape, (std::vector<std::int64_t>{12}));
  expect(0, "claims.csv", {"export", out()});  // its numbers; it has no model
}

TEST_F(Census, GivesTheSameBytesForAnyNumberOfThreads) {
  expect_any_number_of_threads(small(), everything);
}

TEST_F(Census, GivesTheSameBytesAfterKills) {
  expect_kills_to_leave_no_trace(small(), everything);
}

TEST_F(Census, TakesEveryActivationAndFixedOutgoingWeights) {
  for (const char* activation : {"relu", "phi", "gelu", "sin", "tanh"}) {
    expect(0, "class_01_share",
           {"run", small(), "--out", folder_.path / activation, "--set", "runs.seeds=10", "--set",
            "problem.students=[2]", "--set", std::string("problem.activation=") + activation, "--set",
            "extras.searches=0"});
  }
  expect(0, "minimum",
         {"run", small(), "--out", out(), "--set", "problem.outgoing=fixed", "--set",
          "problem.activation=relu", "--set", "problem.students=[4]", "--set", "problem.dimension=4"});
}

TEST_F(Census, RefusesSpecsThatDoNotGoTogether) {
  const auto refused = [&](const std::string& words, const std::string& assignment) {
    expect(2, words, {"check", small(), "--set", assignment});
  };
  refused("5 students for 4 teachers", "problem.students=[5]");
  refused("problem.students is empty", "problem.students=[]");
  refused("a number comes twice", "problem.students=[2, 2]");
  refused("problem.students", "problem.students=[0]");
  refused("problem.teachers", "problem.teachers=0");
  refused("expected at least 4, or 0", "problem.dimension=3");
  refused("runs.seeds", "runs.seeds=0");
  refused("did you mean 'relu'?", "problem.activation=rely");
  refused("did you mean 'problem.teachers'?", "problem.teacher=3");
}

}  // namespace
}  // namespace starling::cli
