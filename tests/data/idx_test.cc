#include "starling/data/idx.h"

#include "data/support.h"

namespace starling::data {
namespace {

using namespace std::string_literals;
using test::message_of;

const std::string images = "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02"s + "\x01\x02\x03\xff";

std::string idx_error(const std::string& bytes) {
  return message_of([&] { (void)parse_idx(bytes, "f.idx"); });
}

TEST(Idx, ReadsImages) {
  const Array array = parse_idx(images, "f.idx");
  EXPECT_EQ(array.type, "|u1");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 1, 2}));
  EXPECT_EQ(array.values, (std::vector<double>{1, 2, 3, 255}));
}

TEST(Idx, ReadsEveryTypeInBigEndianOrder) {
  const auto one = [](char code, const std::string& data) {
    return parse_idx("\0\0"s + code + "\x01\0\0\0\x01"s + data, "f.idx").values.at(0);
  };
  EXPECT_EQ(one(0x09, "\xff"), -1);
  EXPECT_EQ(one(0x0b, "\xff\xfe"), -2);
  EXPECT_EQ(one(0x0c, "\0\0\x01\0"s), 256);
  EXPECT_EQ(one(0x0d, "\x3f\x80\0\0"s), 1);
  EXPECT_EQ(one(0x0e, "\xc0\0\0\0\0\0\0\0"s), -2);
}

TEST(Idx, NamesWhatIsWrong) {
  EXPECT_EQ(idx_error("\x01\0\x08\x01"s),
            "f.idx: not an idx file: opens with '\\x01\\x00', expected two zero bytes");
  EXPECT_CONTAINS(idx_error("\0\0\x0a\x01"s), "idx type code 0a is not read; expected 08");
  EXPECT_CONTAINS(idx_error("\0\0\x08\0"s), "no subscripts; expected at least one");
  EXPECT_EQ(idx_error(images + "x"), "f.idx: 5 bytes follow the header; shape (2, 1, 2) of '|u1' needs 4");
  EXPECT_CONTAINS(idx_error("\0\0\x08\x03"s + std::string(12, '\xff')), "needs more than the 0 bytes");
  EXPECT_CONTAINS(idx_error("\0\0\x08\xff"s + std::string(8, '\1')),
                  "truncated at byte 12: an extent takes 4 bytes");
}

TEST(Idx, RefusesEveryTruncation) {
  test::expect_every_truncation_is_refused(images,
                                           [](std::string_view bytes) { (void)parse_idx(bytes, "f.idx"); });
}

TEST(Idx, SurvivesMutations) {
  test::expect_mutations_are_survived({images, "\0\0\x0d\x01\0\0\0\x01\x3f\x80\0\0"s},
                                      [](std::string_view bytes) { (void)parse_idx(bytes, "f.idx"); });
}

}  // namespace
}  // namespace starling::data
