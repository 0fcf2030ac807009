#include "starling/data/csv.h"

#include <cmath>

#include "data/support.h"

namespace starling::data {
namespace {

using test::message_of;
using Values = std::vector<double>;
using Words = std::vector<std::string>;

std::string csv_error(const std::string& bytes, const std::string& label = "") {
  return message_of([&] { (void)parse_csv(bytes, "f.csv", label); });
}

TEST(Csv, ReadsRowsWithAndWithoutAHeading) {
  const Table plain = parse_csv("1,2\n3,-4.5e1\n", "f.csv");
  EXPECT_EQ(plain.columns, (Words{"1", "2"}));
  EXPECT_EQ(plain.values, (Values{1, 2, 3, -45}));
  const Table headed = parse_csv("x,y\n1,+2\n", "f.csv");
  EXPECT_EQ(headed.columns, (Words{"x", "y"}));
  EXPECT_EQ(headed.rows, 1);
  EXPECT_EQ(headed.lines, (std::vector<std::int64_t>{2}));
}

TEST(Csv, TakesSemicolonsTabsBlanksAndAnyLineEnd) {
  EXPECT_EQ(parse_csv("1;2\r\n\r\n3;4", "f.csv").values, (Values{1, 2, 3, 4}));
  EXPECT_EQ(parse_csv("1\t 2\n3 \t4\n\n", "f.csv").values, (Values{1, 2, 3, 4}));
  EXPECT_EQ(parse_csv("1\r2\r", "f.csv").values, (Values{1, 2}));
  EXPECT_EQ(parse_csv("\xef\xbb\xbf"
                      "1,2\n",
                      "f.csv")
                .values,
            (Values{1, 2}));
}

TEST(Csv, ReadsQuotedCells) {
  const Table table = parse_csv("\"a \"\"b\"\", c\",\"two\nlines\"\n\"1\", \"2\" \n3,4\n", "f.csv");
  EXPECT_EQ(table.columns, (Words{"a \"b\", c", "two\nlines"}));
  EXPECT_EQ(table.values, (Values{1, 2, 3, 4}));
  EXPECT_EQ(table.lines, (std::vector<std::int64_t>{3, 4}));
}

TEST(Csv, SetsTheLabelColumnApart) {
  const Table named = parse_csv("x,kind,y\n1,cat,2\n3,dog,4\n", "f.csv", "kind");
  EXPECT_EQ(named.labels, (Words{"cat", "dog"}));
  EXPECT_EQ(named.columns, (Words{"x", "y"}));
  EXPECT_EQ(named.values, (Values{1, 2, 3, 4}));
  const Table numbered = parse_csv("1,cat\n3,dog\n", "f.csv", "2");
  EXPECT_EQ(numbered.labels, (Words{"cat", "dog"}));
  EXPECT_EQ(numbered.rows, 2);
}

TEST(Csv, ReadsNotANumberAsSuch) {
  EXPECT_TRUE(std::isnan(parse_csv("1\nnan\n", "f.csv").values[1]));
}

TEST(Csv, NamesLineAndColumnOfWhatIsWrong) {
  EXPECT_EQ(csv_error(""), "f.csv: the file has no rows");
  EXPECT_EQ(csv_error("\n\n"), "f.csv: the file has no rows");
  EXPECT_EQ(csv_error("x,y\n"), "f.csv: the file has a heading but no rows");
  EXPECT_EQ(csv_error("x,y\n1,2\n1,abc\n"), "f.csv:3:3: 'abc' in column 'y' is not a number");
  EXPECT_EQ(csv_error("1,2\n1,0x3\n"), "f.csv:2:3: '0x3' in column '2' is not a number");
  EXPECT_EQ(csv_error("1,2\n1,\n"), "f.csv:2:3: the cell of column '2' is empty; expected a number");
  EXPECT_EQ(csv_error("x,y\n,2\n", "x"), "f.csv:2:1: the cell of column 'x' is empty; expected a label");
  EXPECT_EQ(csv_error("1,2\n1,2,3\n"), "f.csv:2: 3 cells; expected 2 as in the first row");
  EXPECT_EQ(csv_error("1,2\n1,\"2\n"), "f.csv:2:3: the quoted cell does not end");
  EXPECT_EQ(csv_error("1,2\n1,\"2\"3\n"), "f.csv:2:3: text after the closing quote of a cell");
  EXPECT_EQ(csv_error("size,kind\n1,2\n", "knid"),
            "f.csv: no column 'knid' for the labels; did you mean 'kind'?");
  EXPECT_CONTAINS(csv_error("1,2\n", "3"), "no column '3' for the labels");
  EXPECT_CONTAINS(csv_error("1,2\n1,1e999\n"), "is not a number");
}

TEST(Csv, SurvivesMutationsAndEveryTruncation) {
  const std::string whole = "x,\"y \"\"z\"\"\",kind\r\n1,2.5e-3,\"a\nb\"\n-3,nan,c\n";
  const auto parse = [](std::string_view bytes) { (void)parse_csv(bytes, "f.csv", "kind"); };
  test::expect_mutations_are_survived({whole, "kind;2\n3;4\n"}, parse);
  // A shorter table may be a good one: every prefix is read or refused with an input error.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    try {
      parse(cut);
    } catch (const base::Error& failure) {
      EXPECT_EQ(failure.kind(), base::ErrorKind::input);
    }
  }
}

}  // namespace
}  // namespace starling::data
