#include <cmath>

#include "cli/tiny_run.h"
#include "starling/data/npy.h"
#include "starling/data/png.h"

namespace starling::cli {
namespace {

using base::Index;
using base::Points;

/// Whatever is wrong with the data, `run` and `check` say so in one line, exit with 3 and make no directory.
class BadData : public testing_program::TinyRun {
 protected:
  void refused(const std::string& words, const std::string& path, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {
        "check", tiny(), "--set", "data.source=file", "--set", "data.path=" + path};
    args.insert(args.end(), more.begin(), more.end());
    expect(3, words, args);
    args.front() = "run";
    args.insert(args.end(), {"--out", out()});
    expect(3, words, args);
    EXPECT_FALSE(std::filesystem::exists(out())) << words;
  }
  static std::string cut(const std::string& bytes) { return bytes.substr(0, bytes.size() - 9); }
  static std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
    std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
  }
};

TEST_F(BadData, MissingOrEmpty) {
  refused("gone.csv: no such file or folder", "gone.csv");
  refused("empty", write("empty.csv", ""));
  refused("no points: shape (0, 2)", write("none.npy", npy("<f8", "(0, 2)", "")));
  std::filesystem::create_directory(folder_.path / "bare");
  refused("bare", folder_.path / "bare");
}

TEST_F(BadData, WrongShapeOrType) {
  refused("shape (4,); expected points (N, d)", write("flat.npy", npy("|u1", "(4,)", "1234")));
  refused("type '<U1' is not read", write("words.npy", npy("<U1", "(1, 1)", "abcd")));
  refused("type '<c8' is not read", write("complex.npy", npy("<c8", "(1, 1)", "abcdefgh")));
  refused("1 cells; expected 2 as in the first row", write("ragged.csv", "1,2\n3\n"));
  refused("is not a number", write("words.csv", "1,2\n3,four\n"));
  refused("points.tsv", write("points.tsv", "\xff\xfe\n"));
}

TEST_F(BadData, NumbersThatAreNotFinite) {
  refused("row 2, column '1' holds nan", write("nan.csv", "1,2\nnan,3\n1,2\n4,5\n6,7\n"));
  refused("row 1, column '2' holds inf", write("inf.csv", "1,inf\n2,3\n1,2\n4,5\n6,7\n"));
  refused("row 1, column '1' holds 1e+300", write("large.csv", "1e300,1\n2,3\n1,2\n4,5\n6,7\n"));
}

TEST_F(BadData, FewerPointsThanARunNeeds) {
  refused("1 points; expected at least 4", write("one.csv", "1,2\n"));
  const std::vector<std::string> conditional = {"--set", "generator.conditional=true", "--set",
                                                "data.label_column=label"};
  refused("5 points for 10 classes", write("few.csv", "x,label\n1,0\n2,9\n3,1\n4,2\n5,3\n"), conditional);
  refused("training points; expected at least 2",
          write("lone.csv", "x,label\n1,0\n2,0\n3,0\n4,0\n5,0\n6,1\n"), conditional);
}

TEST_F(BadData, TruncatedFiles) {
  const std::string whole = data::encode_npy(Points<double>(Points<double>::Ones(6, 2)));
  refused("truncated", write("cut.npy", cut(whole)));
  refused("broken.npy", write("broken.npy", "\x93NUMPY"));
  refused("not a whole npz", write("cut.npz", "PK\x03\x04 and then nothing"));
  std::filesystem::create_directory(folder_.path / "pictures");
  const data::Image image{.width = 4, .height = 4, .channels = 1, .pixels = std::vector<std::uint8_t>(16)};
  write("pictures/0.png", cut(data::encode_png(image)));
  refused("0.png", folder_.path / "pictures");
}

TEST_F(BadData, HeadersThatPromiseMoreThanMemoryHolds) {
  refused("truncated: shape (4000000000000, 4000000)",
          write("huge.npy", npy("<f8", "(4000000000000, 4000000)", "")));
  refused("huge.npy", write("huge.npy", npy("<f8", "(9223372036854775807, 9223372036854775807)", "")));
  refused("huge-ubyte", write("huge-ubyte", std::string("\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff", 12)));
  std::filesystem::create_directory(folder_.path / "pictures");
  std::string png = data::encode_png({.width = 1, .height = 1, .channels = 1, .pixels = {0}});
  png.replace(16, 8, std::string(8, '\x7f'));
  write("pictures/0.png", png);
  refused("0.png", folder_.path / "pictures");
}

TEST_F(BadData, DuplicatePointsAreAWarning) {
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += "0.5,0.5\n" + std::to_string(i) + ",1\n";
  expect(0, "training points coincide with another",
         {"run", tiny(), "--out", out(), "--set", "data.source=file", "--set",
          "data.path=" + write("twice.csv", rows)});
}

TEST_F(BadData, PointsThatAreAllTheSameStillTrain) {
  std::string rows;
  for (int i = 0; i < 12; ++i) rows += "3,3\n";
  expect(0, "training points coincide with another",
         {"run", tiny(), "--out", out(), "--set", "data.source=file", "--set",
          "data.path=" + write("same.csv", rows), "--set", "data.rescale=unit"});
}

TEST_F(BadData, NoiseThatDoesNotFitTheRun) {
  expect(0, "", {"run", tiny(), "--out", out(), "--quiet"});
  const auto sample = [&](int code, const std::string& words, const std::string& noise) {
    expect(code, words, {"sample", out(), "--noise", noise, "--out", folder_.path / "s.npy"});
    EXPECT_FALSE(std::filesystem::exists(folder_.path / "s.npy"));
  };
  sample(3, "cannot read", "gone.npy");
  sample(3, "expected a matrix", write("flat.npy", npy("|u1", "(4,)", "1234")));
  sample(2, "noise: 2 columns, expected 32", write("narrow.npy", npy("|u1", "(2, 2)", "1234")));
  Points<double> noise = Points<double>::Zero(2, 32);
  noise(1, 4) = std::nan("");
  sample(3, "noise: row 2, column 5 holds nan", write("nan.npy", data::encode_npy(noise)));
}

}  // namespace
}  // namespace starling::cli
