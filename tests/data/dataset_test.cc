#include "starling/data/dataset.h"

#include "data/support.h"
#include "starling/data/npy.h"
#include "starling/data/png.h"

namespace starling::data {
namespace {

using namespace std::string_literals;
using test::message_of;
using test::npy_file;
using test::stored;
using test::zip_file;
using Labels = std::vector<std::int32_t>;
using Extents = std::vector<std::int64_t>;

class LoadDataset : public test::Folder {
 protected:
  std::string error(const DatasetRequest& request, base::ErrorKind kind = base::ErrorKind::input) const {
    const std::string message = message_of([&] { (void)load_dataset(request); }, kind);
    const std::string prefix = folder_.string() + "/";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  }
};

const std::string points = npy_file("|u1", false, "(3, 2)", "\x01\x02\x03\x04\x05\x06");

std::string labels(const std::string& descr, const std::string& data) {
  std::string shape = std::to_string(data.size());
  shape.insert(0, 1, '(');
  return npy_file(descr, false, shape + ",)", data);
}

TEST_F(LoadDataset, ReadsTheShippedDigits) {
  const std::string path = STARLING_SOURCE_DIR "/data/digits.npz";
  const Dataset digits = load_dataset({.path = path});
  EXPECT_EQ(digits.points.rows(), 1797);
  EXPECT_EQ(digits.points.cols(), 64);
  EXPECT_EQ(digits.points.minCoeff(), 0);
  EXPECT_EQ(digits.points.maxCoeff(), 16);
  EXPECT_EQ(digits.labels.size(), 1797U);
  EXPECT_EQ(digits.classes, 10);
  EXPECT_EQ(digits.image, (Extents{8, 8}));
  EXPECT_EQ(digits.source, path);
  // The first digit of the set is a zero, its second row 0 0 13 15 10 15 5 0.
  EXPECT_EQ(digits.labels[0], 0);
  EXPECT_EQ(digits.points.row(0).segment(8, 8),
            (base::Points<float>(1, 8) << 0, 0, 13, 15, 10, 15, 5, 0).finished());
}

TEST_F(LoadDataset, ReadsNpyMatricesAndStacksOfImages) {
  const Dataset flat = load_dataset({.path = write("f.npy", points)});
  EXPECT_EQ(flat.points, (base::Points<float>(3, 2) << 1, 2, 3, 4, 5, 6).finished());
  EXPECT_TRUE(flat.labels.empty());
  EXPECT_EQ(flat.classes, 0);
  EXPECT_TRUE(flat.image.empty());
  const Dataset stack = load_dataset({.path = write("g.NPY", npy_file("|u1", false, "(1, 2, 3)", "abcdef"))});
  EXPECT_EQ(stack.points.cols(), 6);
  EXPECT_EQ(stack.image, (Extents{2, 3}));
}

TEST_F(LoadDataset, ChoosesTheFirstMatrixAndIntegerLabelsOfAnNpz) {
  const std::string path =
      write("f.npz", zip_file({stored("ids.npy", labels("|u1", "abc")), stored("x.npy", points),
                               stored("other.npy", npy_file("|u1", false, "(1, 1)", "a")),
                               stored("y.npy", labels("|u1", "\0\2\1"s))}));
  const Dataset dataset = load_dataset({.path = path});
  EXPECT_EQ(dataset.points.rows(), 3);
  EXPECT_EQ(dataset.labels, (Labels{0, 2, 1}));
  EXPECT_EQ(dataset.classes, 3);
  const Dataset named = load_dataset({.path = path, .points_key = "other"});
  EXPECT_EQ(named.points.rows(), 1);
  EXPECT_TRUE(named.labels.empty());  // three labels are not those of one point
  EXPECT_EQ(load_dataset({.path = path, .labels_key = "ids"}).labels, (Labels{97, 98, 99}));
}

TEST_F(LoadDataset, DoesNotTakeRealNumbersForLabelsUnasked) {
  const std::string reals = npy_file("<f4", false, "(3,)", "\0\0\0\0\0\0\x80\x3f\0\0\0\0"s);
  const std::string path = write("f.npz", zip_file({stored("x.npy", points), stored("y.npy", reals)}));
  EXPECT_TRUE(load_dataset({.path = path}).labels.empty());
  EXPECT_EQ(load_dataset({.path = path, .labels_key = "y"}).labels, (Labels{0, 1, 0}));
}

TEST_F(LoadDataset, ReadsCsvWithNumbersOrWordsAsLabels) {
  const std::string path = write("f.csv", "x,kind,y,n\n1,dog,2,5\n3,cat,4,0\n5,dog,6,2\n");
  const std::string numbers = write("g.csv", "x,n\n1,4\n2,0\n");
  EXPECT_CONTAINS(error({.path = path, .label_column = "n"}),
                  "f.csv:2:3: 'dog' in column 'kind' is not a number");
  const Dataset words = load_dataset({.path = path, .label_column = "kind"});
  EXPECT_EQ(words.points.cols(), 3);
  EXPECT_EQ(words.labels, (Labels{1, 0, 1}));
  EXPECT_EQ(words.classes, 2);
  EXPECT_EQ(load_dataset({.path = numbers, .label_column = "n"}).labels, (Labels{4, 0}));
  EXPECT_EQ(load_dataset({.path = write("h.tsv", "1\t2\n")}).points.cols(), 2);
}

TEST_F(LoadDataset, ReadsIdxWithTheLabelsBesideIt) {
  const std::string images = "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02"s + "abcd";
  const std::string path = write("train-images-idx3-ubyte", images);
  EXPECT_TRUE(load_dataset({.path = path}).labels.empty());
  write("train-labels-idx1-ubyte", "\0\0\x08\x01\0\0\0\x02\x07\x03"s);
  const Dataset dataset = load_dataset({.path = path});
  EXPECT_EQ(dataset.image, (Extents{1, 2}));
  EXPECT_EQ(dataset.labels, (Labels{7, 3}));
  EXPECT_EQ(dataset.classes, 8);
}

TEST_F(LoadDataset, ReadsAFolderOfPngInOrderOfName) {
  write("set/b.png", encode_png({2, 1, 1, {3, 4}}));
  write("set/a.png", encode_png({2, 1, 1, {1, 255}}));
  write("set/notes.txt", "not an image");
  const Dataset dataset = load_dataset({.path = (folder_ / "set").string()});
  EXPECT_EQ(dataset.points, (base::Points<float>(2, 2) << 1, 255, 3, 4).finished());
  EXPECT_EQ(dataset.image, (Extents{1, 2}));
  EXPECT_TRUE(dataset.labels.empty());
}

TEST_F(LoadDataset, TakesFoldersInsideAFolderForClasses) {
  write("set/zebra/1.png", encode_png({1, 1, 3, {1, 2, 3}}));
  write("set/ant/1.png", encode_png({1, 1, 3, {4, 5, 6}}));
  write("set/empty/readme", "");
  const Dataset dataset = load_dataset({.path = (folder_ / "set").string()});
  EXPECT_EQ(dataset.points, (base::Points<float>(2, 3) << 4, 5, 6, 1, 2, 3).finished());
  EXPECT_EQ(dataset.labels, (Labels{0, 1}));
  EXPECT_TRUE(dataset.image.empty());  // colours are no grey image
}

TEST_F(LoadDataset, NamesMissingFilesAndUnknownEndings) {
  EXPECT_EQ(error({.path = (folder_ / "no.npy").string()}), "no.npy: no such file or folder");
  EXPECT_CONTAINS(error({.path = write("f.txt", "1")}), "f.txt: unknown ending; expected .npy, .npz, .csv");
  EXPECT_CONTAINS(message_of([&] { (void)load_dataset({.path = folder_.string()}); }),
                  "no .png files in this folder");
}

TEST_F(LoadDataset, NamesTheRowAndColumnOfWhatIsNotFinite) {
  base::Points<double> values = base::Points<double>::Zero(3, 2);
  values(2, 1) = NAN;
  EXPECT_EQ(error({.path = write("f.npy", encode_npy(values))}),
            "f.npy: row 3, column 2 holds nan; expected a finite single-precision number");
  values(2, 1) = 1e39;
  EXPECT_CONTAINS(error({.path = write("f.npy", encode_npy(values))}), "row 3, column 2 holds 1e+39");
  EXPECT_EQ(error({.path = write("f.csv", "x,y\n1,2\n\n3,-inf\n")}),
            "f.csv:4: row 2, column 'y' holds -inf; expected a finite single-precision number");
}

TEST_F(LoadDataset, NamesWrongShapes) {
  EXPECT_EQ(error({.path = write("f.npy", labels("|u1", "abc"))}),
            "f.npy: 1 subscripts, shape (3,); expected points (N, d) or images (N, height, width)");
  EXPECT_CONTAINS(error({.path = write("f.npy", npy_file("|u1", false, "(1, 1, 1, 1)", "a"))}),
                  "4 subscripts");
  EXPECT_EQ(error({.path = write("f.npy", npy_file("|u1", false, "(0, 2)", ""))}),
            "f.npy: no points: shape (0, 2)");
  EXPECT_CONTAINS(error({.path = write("f.npy", npy_file("|u1", false, "(0, 9223372036854775807, 2)", ""))}),
                  "no points");
  EXPECT_CONTAINS(error({.path = write("f.csv", "n\n1\n"), .label_column = "n"}),
                  "no points: 1 rows and 0 columns");
}

TEST_F(LoadDataset, NamesWrongKeysAndLabels) {
  const std::string path =
      write("f.npz", zip_file({stored("x.npy", points), stored("two.npy", labels("|u1", "ab")),
                               stored("minus.npy", labels("|i1", "\1\xff\1"))}));
  EXPECT_EQ(error({.path = path, .points_key = "tow"}), "f.npz: no array 'tow'; did you mean 'two'?");
  EXPECT_EQ(error({.path = path, .labels_key = "zebra"}),
            "f.npz: no array 'zebra'; expected one of x, two, minus");
  EXPECT_EQ(error({.path = path, .labels_key = "two"}), "f.npz['two']: 2 labels for 3 points");
  EXPECT_EQ(error({.path = path, .labels_key = "minus"}),
            "f.npz['minus']: label 2 is -1; expected an integer in 0..999999");
  EXPECT_EQ(error({.path = path, .labels_key = "x"}), "f.npz['x']: labels of shape (3, 2); expected (N,)");
  EXPECT_EQ(error({.path = write("g.npz", zip_file({stored("y.npy", labels("|u1", "ab"))}))}),
            "g.npz: no array of two or more subscripts to take as points");
}

TEST_F(LoadDataset, RefusesPngOfDifferentSizes) {
  write("set/a.png", encode_png({2, 1, 1, {1, 2}}));
  write("set/b.png", encode_png({1, 2, 1, {1, 2}}));
  EXPECT_EQ(error({.path = (folder_ / "set").string()}),
            "set/b.png: 1 x 2 pixels of 1 channels; expected 2 x 1 of 1 as in a.png");
}

TEST_F(LoadDataset, RefusesOptionsThatTheFormatDoesNotHave) {
  EXPECT_EQ(error({.path = write("f.npy", points), .points_key = "x"}, base::ErrorKind::usage),
            "f.npy: points_key = 'x' has no meaning for npy");
  EXPECT_CONTAINS(error({.path = write("f.npz", zip_file({stored("x.npy", points)})), .label_column = "y"},
                        base::ErrorKind::usage),
                  "label_column = 'y' has no meaning for npz");
  EXPECT_CONTAINS(error({.path = write("f.csv", "1\n"), .labels_key = "y"}, base::ErrorKind::usage),
                  "labels_key = 'y' has no meaning for csv");
}

}  // namespace
}  // namespace starling::data
