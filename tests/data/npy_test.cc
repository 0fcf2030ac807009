#include "starling/data/npy.h"

#include <cmath>

#include "data/support.h"

namespace starling::data {
namespace {

using test::little;
using test::message_of;
using test::npy_file;

std::string npy_error(const std::string& bytes) {
  return message_of([&] { (void)parse_npy(bytes, "f.npy"); });
}

std::vector<double> values(const std::string& descr, std::string_view data,
                           const std::string& shape = "(2,)") {
  return parse_npy(npy_file(descr, false, shape, data), "f.npy").values;
}

TEST(Npy, ReadsBackWhatItWroteToTheBit) {
  base::Points<double> points(3, 2);
  points << 1, -0.0, 1e-310, M_PI, HUGE_VAL, -7;
  const Array array = parse_npy(encode_npy(points), "f.npy");
  EXPECT_EQ(array.type, "<f8");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{3, 2}));
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(array.values[static_cast<std::size_t>(i)]),
              std::bit_cast<std::uint64_t>(points.data()[i]));
  }
  const base::Points<float> single = points.cast<float>();
  EXPECT_EQ(parse_npy(encode_npy(single), "f.npy").type, "<f4");
  EXPECT_EQ(parse_npy(encode_npy(single), "f.npy").values[3], static_cast<float>(M_PI));
}

TEST(Npy, WritesABlockOfALargerCloudRowByRow) {
  base::Points<double> points(4, 3);
  for (int i = 0; i < 12; ++i) points.data()[i] = i;
  const Array array = parse_npy(encode_npy(base::PointsRef<double>(points.leftCols(2))), "f.npy");
  EXPECT_EQ(array.values, (std::vector<double>{0, 1, 3, 4, 6, 7, 9, 10}));
}

TEST(Npy, PutsTheDataAtAMultipleOf64Bytes) {
  for (int columns : {1, 10, 100, 1000, 10000}) {
    const base::Points<float> points = base::Points<float>::Zero(1, columns);
    EXPECT_EQ((encode_npy(points).size() - sizeof(float) * static_cast<std::size_t>(columns)) % 64, 0U);
  }
}

TEST(Npy, ReadsEveryTypeInBothByteOrders) {
  using Values = std::vector<double>;
  using namespace std::string_literals;
  EXPECT_EQ(values("|u1", "\x01\xff"), (Values{1, 255}));
  EXPECT_EQ(values("|i1", "\x01\xff"), (Values{1, -1}));
  EXPECT_EQ(values("|b1", "\x00\x01"s), (Values{0, 1}));
  EXPECT_EQ(values("<u2", "\x01\x00\xff\xff"s), (Values{1, 65535}));
  EXPECT_EQ(values(">u2", "\x00\x01\xff\xff"s), (Values{1, 65535}));
  EXPECT_EQ(values("<i2", "\x01\x00\xff\xff"s), (Values{1, -1}));
  EXPECT_EQ(values(">i4", "\x00\x00\x01\x00\xff\xff\xff\xfe"s), (Values{256, -2}));
  EXPECT_EQ(values("<u4", "\x00\x01\x00\x00\xff\xff\xff\xff"s), (Values{256, 4294967295.0}));
  EXPECT_EQ(values("<i8", little(5, 8) + little(~0ULL, 8)), (Values{5, -1}));
  EXPECT_EQ(values("<u8", little(5, 8) + little(1ULL << 63U, 8)), (Values{5, 9223372036854775808.0}));
  EXPECT_EQ(values("<f4", "\x00\x00\x80\x3f\x00\x00\x00\xc0"s), (Values{1, -2}));
  EXPECT_EQ(values(">f4", "\x3f\x80\x00\x00\xc0\x00\x00\x00"s), (Values{1, -2}));
  EXPECT_EQ(values(">f8", "\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00"s),
            (Values{1, -2}));
}

TEST(Npy, ReadsHalfPrecisionWithItsSubnormalsAndInfinities) {
  using namespace std::string_literals;
  EXPECT_EQ(values("<f2", "\x00\x3c\x00\xc0"s), (std::vector<double>{1, -2}));
  EXPECT_EQ(values("<f2", "\x01\x00\xff\x7b"s), (std::vector<double>{std::ldexp(1, -24), 65504}));
  EXPECT_EQ(values("<f2", "\x00\xfc\x00\x04"s), (std::vector<double>{-HUGE_VAL, std::ldexp(1, -14)}));
  EXPECT_TRUE(std::isnan(values("<f2", "\x01\x7c", "(1,)")[0]));
}

TEST(Npy, TurnsFortranOrderIntoRowMajor) {
  const std::string data(
      "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17", 24);
  const Array array = parse_npy(npy_file("|u1", true, "(2, 3, 4)", data), "f.npy");
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 4; ++k) {
        EXPECT_EQ(array.values[(i * 3 + j) * 4 + k], static_cast<double>(i + 2 * j + 6 * k));
      }
    }
  }
}

TEST(Npy, ReadsVersions2And3) {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}";
  for (const char version : {'\x02', '\x03'}) {
    const std::string bytes =
        std::string("\x93NUMPY") + version + '\0' + little(header.size(), 4) + header + "\x05";
    EXPECT_EQ(parse_npy(bytes, "f.npy").values, std::vector<double>{5});
  }
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  EXPECT_EQ(parse_npy(npy_file("|u1", false, "()", "\x05"), "f").values, std::vector<double>{5});
  EXPECT_TRUE(parse_npy(npy_file("<f8", false, "(0, 9223372036854775807)", ""), "f").values.empty());
  EXPECT_TRUE(parse_npy(npy_file("<f8", true, "(9223372036854775807, 0, 3)", ""), "f").values.empty());
}

TEST(Npy, NamesWhatIsWrong) {
  EXPECT_EQ(npy_error("hello world"), "f.npy: not an npy file: opens with 'hello '");
  EXPECT_EQ(npy_error(std::string("\x93NUMPY\x04\x00\x00\x00", 10)),
            "f.npy: npy version 4.0 is not read; expected 1.0, 2.0 or 3.0");
  EXPECT_CONTAINS(npy_error(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)),
                  "npy header of 4294967295 bytes");
  EXPECT_CONTAINS(npy_error(npy_file("<c8", false, "(1,)", "12345678")),
                  "type '<c8' is not read; expected f2, f4");
  EXPECT_CONTAINS(npy_error(npy_file("|O", false, "(1,)", "12345678")), "type '|O' is not read");
  EXPECT_CONTAINS(npy_error(npy_file("|f8", false, "(1,)", "12345678")), "type '|f8' is not read");
  EXPECT_CONTAINS(npy_error(npy_file("", false, "(1,)", "12345678")), "type '' is not read");
  EXPECT_EQ(npy_error(npy_file("<f8", false, "(2,)", "12345678")),
            "f.npy: truncated: shape (2,) of '<f8' needs more than the 8 bytes that follow the header");
  EXPECT_EQ(npy_error(npy_file("<f4", false, "(1,)", "12345678")),
            "f.npy: 8 bytes follow the header; shape (1,) of '<f4' needs 4");
}

TEST(Npy, NamesTheColumnOfABrokenHeader) {
  EXPECT_EQ(npy_error(npy_file("x", "")), "f.npy: npy header, column 1: expected '{'");
  EXPECT_CONTAINS(npy_error(npy_file("", "")), "column 1: expected '{'");
  EXPECT_CONTAINS(npy_error(npy_file("{'size': 3}", "")), "unknown key 'size'; expected 'descr'");
  EXPECT_CONTAINS(npy_error(npy_file("{'descr': [('x', '<f4')]}", "")), "structured types are not read");
  EXPECT_CONTAINS(npy_error(npy_file("{'descr': '<f4}", "")), "the quoted string does not end");
  EXPECT_CONTAINS(npy_error(npy_file("{descr", "")), "column 2: expected a quoted string");
  EXPECT_CONTAINS(npy_error(npy_file("{'fortran_order': 0}", "")), "expected True or False");
  EXPECT_CONTAINS(npy_error(npy_file("{'shape': (-1,)}", "")), "expected an extent in 0..2^63-1");
  EXPECT_CONTAINS(npy_error(npy_file("{'shape': (9223372036854775808,)}", "")),
                  "expected an extent in 0..2^63-1");
  EXPECT_CONTAINS(npy_error(npy_file("{'shape': (1 2)}", "")), "expected ')'");
  EXPECT_CONTAINS(npy_error(npy_file("{'descr': '<f4'}", "")), "key 'fortran_order' is missing");
  EXPECT_CONTAINS(npy_error(npy_file("{'descr': '<f4', 'descr': '<f4'}", "")), "key 'descr' appears twice");
  EXPECT_CONTAINS(npy_error(npy_file("{'descr': '<f4'} 1", "")), "text after the closing '}'");
  std::string many = "{'shape': (";
  for (int i = 0; i < 33; ++i) many += "1,";
  EXPECT_CONTAINS(npy_error(npy_file(many + ")}", "")), "more than 32 subscripts");
}

TEST(Npy, RefusesShapesWhoseProductOverflows) {
  EXPECT_CONTAINS(npy_error(npy_file("|u1", false, "(4294967296, 4294967296, 4294967296)", "1")),
                  "needs more than");
  EXPECT_CONTAINS(npy_error(npy_file("<f8", true, "(9223372036854775807, 9223372036854775807)", "12345678")),
                  "needs more than");
  EXPECT_CONTAINS(npy_error(npy_file("<f8", false, "(2305843009213693953,)", "12345678")), "needs more than");
}

TEST(Npy, RefusesEveryTruncation) {
  test::expect_every_truncation_is_refused(encode_npy(base::Points<float>(base::Points<float>::Ones(3, 2))),
                                           [](std::string_view bytes) { (void)parse_npy(bytes, "f.npy"); });
}

TEST(Npy, SurvivesMutations) {
  test::expect_mutations_are_survived({encode_npy(base::Points<double>(base::Points<double>::Ones(2, 3))),
                                       npy_file("<f2", true, "(2, 3, 2)", std::string(24, 'a')),
                                       npy_file(">i4", false, "(3,)", "abcdefghijkl")},
                                      [](std::string_view bytes) { (void)parse_npy(bytes, "f.npy"); });
}

}  // namespace
}  // namespace starling::data
