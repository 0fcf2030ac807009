#include "cli/tiny_run.h"
#include "starling/data/npy.h"
#include "starling/data/npz.h"

namespace starling::cli {
namespace {

using testing_program::content;

const std::string digits = STARLING_SOURCE_DIR "/data/digits.npz";

class Students : public testing_program::TinyRun {
 protected:
  // A small compression of a network that is fitted first, on little data.
  std::string small(const std::string& more = "") const {
    std::string rows = "x,y,label\n";
    for (int i = 0; i < 60; ++i)
      rows += std::to_string((i * 37) % 19 - 9) + "," + std::to_string((i * 53) % 23 - 11) + "," +
              std::to_string(i % 3) + "\n";
    return write(
        "small.toml",
        "system = \"students\"\n[teacher]\nwidth = 6\nsteps = 30\n[input]\npath = \"" +
            write("points.csv", rows) +
            "\"\nlabel_column = \"label\"\nrescale = \"unit\"\n[student]\nneurons = [2, 3]\n[search]\n"
            "starts = 4\nsteps = 20\n[rivals]\nadamw_restarts = 10\n" +
            more);
  }
  std::string network(const std::string& name, std::vector<std::int64_t> w,
                      std::vector<std::int64_t> a) const {
    const auto numbers = [](const std::vector<std::int64_t>& shape) {
      std::vector<double> out;
      for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i)
        out.push_back(0.3 * static_cast<double>(i % 5) - 0.4);
      return out;
    };
    return write(name, data::encode_npz({{"0.weight", data::encode_npy(w, numbers(w))},
                                         {"2.weight", data::encode_npy(a, numbers(a))}}));
  }
  std::vector<std::string> from_file(const std::string& verb, const std::string& path,
                                     const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {verb,    write("file.toml", "system = \"students\"\n"),
                                     "--set", "teacher.source=file",
                                     "--set", "teacher.path=" + path,
                                     "--set", "input.source=normal",
                                     "--set", "input.count=200",
                                     "--set", "student.neurons=[1, 2]",
                                     "--set", "search.starts=2",
                                     "--set", "rivals.adamw_restarts=2"};
    for (const std::string& assignment : more) args.insert(args.end(), {"--set", assignment});
    return args;
  }
  static std::string everything(const std::filesystem::path& run) {
    std::string out = content(run / "run.db");
    for (const char* name : {"teacher.npz", "student_2.npz", "student_3.npz", "optima.csv", "roles.csv",
                             "checkpoint.safetensors"})
      out += base::read_file(run / name);
    return out;
  }
};

TEST_F(Students, CompressesANetworkThatItFitsAndExportsIt) {
  expect(0, "rival_best", {"run", small(), "--out", out()});
  expect(0, "", {"export", out(), "--out", folder_.path / "exported"});
  for (const char* name : {"teacher.safetensors", "student_2.safetensors", "student_3.safetensors",
                           "optima.csv", "roles.csv", "metrics.csv"})
    EXPECT_TRUE(std::filesystem::exists(folder_.path / "exported" / name)) << name;
  expect(2, "has no samples", {"sample", out(), "--out", folder_.path / "s.npy"});
}

TEST_F(Students, WritesTheSmallNetworkAsItReadTheWideOne) {
  const std::string wide = network("wide.npz", {5, 3}, {2, 5});
  expect(0, "5 tanh neurons", from_file("check", wide));
  std::vector<std::string> args = from_file("run", wide);
  args.insert(args.end(), {"--out", out()});
  expect(0, "", args);
  const std::string path = out() / "student_2.npz";
  const auto arrays = data::parse_npz(base::read_file(path), path);
  EXPECT_EQ(arrays.at("0.weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(arrays.at("2.weight").shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_FALSE(std::filesystem::exists(out() / "teacher.npz"));
}

TEST_F(Students, GivesTheSameBytesForAnyNumberOfThreads) {
  expect_any_number_of_threads(small(), everything);
}

TEST_F(Students, GivesTheSameBytesAfterKills) {
  expect_kills_to_leave_no_trace(small(), everything);
}

TEST_F(Students, RefusesSpecsThatDoNotGoTogether) {
  const auto refused = [&](const std::string& words, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"check", small()};
    for (const std::string& assignment : more) args.insert(args.end(), {"--set", assignment});
    expect(2, words, args);
  };
  refused("student.neurons: 7 is more than the 6 neurons of the teacher", {"student.neurons=[7]"});
  refused("student.neurons is empty", {"student.neurons=[]"});
  refused("a size comes twice", {"student.neurons=[2, 2]"});
  refused("student.neurons", {"student.neurons=[0]"});
  refused("normal draws have no labels", {"input.source=normal"});
  refused("teacher.path is empty", {"teacher.source=file"});
  refused("a teacher to be fitted has no file", {"teacher.path=x.npz"});
  refused("input.path is empty", {"input.path="});
  refused("has no labels", {"input.label_column="});
  refused("did you mean 'search.starts'?", {"search.start=3"});
  expect(2, "normal draws have no labels",
         from_file("check", network("wide.npz", {5, 3}, {2, 5}), {"student.answers=data"}));
}

TEST_F(Students, RefusesTeachersAndTargetsThatAreWrong) {
  const std::string wide = network("wide.npz", {5, 3}, {2, 5});
  expect(3, "gone.npz", from_file("check", "gone.npz"));
  expect(3, "do not make one hidden layer", from_file("check", network("odd.npz", {5, 3}, {2, 4})));
  expect(3, "read from .npz or .safetensors", from_file("check", write("net.pt", "PK")));
  expect(3, "not a whole npz", from_file("check", write("cut.npz", "PK\x03\x04 and then nothing")));
  expect(3, "the teacher " + wide + " has 3 inputs",
         from_file("check", wide, {"input.source=file", "input.path=" + digits}));
  const std::vector<std::int64_t> shape = {3};
  const std::string targets = write("t.npy", data::encode_npy(shape, std::vector<double>{1, 2, 3}));
  expect(3, "expected targets for 60 points", {"check", small(), "--set", "input.targets=" + targets});
  expect(3, "expected at least 2 classes",
         {"check", small(), "--set",
          "input.path=" + write("one.csv", "x,label\n1,0\n2,0\n3,0\n4,0\n5,0\n6,0\n7,0\n8,0\n")});
}

TEST_F(Students, FitsRealTargetsAndJudgesThemByTheShareExplained) {
  std::vector<double> numbers;
  for (int i = 0; i < 60; ++i) numbers.push_back(0.1 * ((i * 37) % 19 - 9));
  const std::vector<std::int64_t> shape = {60};
  expect(0, "held_out_r2",
         {"run", small(), "--out", out(), "--set", "student.answers=data", "--set",
          "input.targets=" + write("t.npy", data::encode_npy(shape, numbers))});
}

}  // namespace
}  // namespace starling::cli
