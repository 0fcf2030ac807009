#include "starling/data/npz.h"

#include <zlib.h>

#include "data/support.h"

namespace starling::data {
namespace {

using test::little;
using test::Member;
using test::message_of;
using test::npy_file;
using test::stored;
using test::zip_file;

std::string deflated(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Member packed(const std::string& name, const std::string& data) {
  return {name, deflated(data), data.size(), crc32_of(data), 8, 0};
}

const std::string three = npy_file("|u1", false, "(3,)", "abc");
const std::string four = npy_file("|u1", false, "(2, 2)", "defg");

std::string npz_error(const std::string& bytes) {
  return message_of([&] { (void)parse_npz(bytes, "f.npz"); });
}

TEST(Npz, ReadsStoredAndDeflatedEntriesInTheOrderOfTheArchive) {
  std::vector<std::string> order;
  const auto arrays = parse_npz(zip_file({stored("z.npy", three), packed("a.npy", four)}), "f.npz", &order);
  EXPECT_EQ(order, (std::vector<std::string>{"z", "a"}));
  EXPECT_EQ(arrays.at("z").values, (std::vector<double>{'a', 'b', 'c'}));
  EXPECT_EQ(arrays.at("a").shape, (std::vector<std::int64_t>{2, 2}));
}

TEST(Npz, ReadsLargeDeflatedEntries) {
  std::string data;
  for (unsigned i = 0; i < 300'000; ++i) data += static_cast<char>((i * i) >> 4U);
  const auto arrays =
      parse_npz(zip_file({packed("x.npy", npy_file("|i1", false, "(300000,)", data))}), "f.npz");
  EXPECT_EQ(arrays.at("x").values[123'456], static_cast<signed char>(data[123'456]));
}

TEST(Npz, ReadsZip64Sizes) {
  // One stored entry whose three numbers stand in the extra field, and a zip64 end record.
  const std::string extra =
      little(1, 2) + little(24, 2) + little(three.size(), 8) + little(three.size(), 8) + little(0, 8);
  const std::string head =
      little(45, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(crc32_of(three), 4);
  const std::string ones(4, '\xff');
  const std::string local = "PK\x03\x04" + head + ones + ones + little(5, 2) + little(0, 2) + "a.npy" + three;
  const std::string directory = "PK\x01\x02" + little(45, 2) + head + ones + ones + little(5, 2) +
                                little(extra.size(), 2) + little(0, 6) + little(0, 4) + ones + "a.npy" +
                                extra;
  const std::string end64 = "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
                            little(1, 8) + little(1, 8) + little(directory.size(), 8) +
                            little(local.size(), 8);
  const std::string locator =
      "PK\x06\x07" + little(0, 4) + little(local.size() + directory.size(), 8) + little(1, 4);
  const std::string end =
      "PK\x05\x06" + little(0, 4) + little(0xffff, 2) + little(0xffff, 2) + ones + ones + little(0, 2);
  EXPECT_EQ(parse_npz(local + directory + end64 + locator + end, "f.npz").at("a").values.size(), 3U);
}

TEST(Npz, ReadsAnEmptyArchive) {
  EXPECT_TRUE(parse_npz(zip_file({}), "f.npz").empty());
}

TEST(Npz, NamesFileAndEntryOfWhatIsWrong) {
  EXPECT_EQ(npz_error("hello"), "f.npz: not a whole npz (zip) file: no end record in its 5 bytes");
  EXPECT_EQ(npz_error(zip_file({stored("a.txt", three)})),
            "f.npz: entry 'a.txt' is no array; expected names that end in .npy");
  EXPECT_EQ(npz_error(zip_file({stored("a.npy", three), stored("a.npy", three)})),
            "f.npz['a']: the key appears twice");
  EXPECT_CONTAINS(npz_error(zip_file({stored("a.npy", "hello world")})), "f.npz['a']: not an npy file");

  Member member = stored("a.npy", three);
  member.crc ^= 1;
  EXPECT_CONTAINS(npz_error(zip_file({member})), "f.npz['a']: checksum ");
  member = stored("a.npy", three);
  member.method = 12;
  EXPECT_EQ(npz_error(zip_file({member})),
            "f.npz['a']: zip method 12 is not read; expected 0 (stored) or 8 (deflate)");
  member.method = 0;
  member.flags = 1;
  EXPECT_EQ(npz_error(zip_file({member})), "f.npz['a']: encrypted entries are not read");
  member.flags = 0;
  member.unpacked += 1;
  EXPECT_CONTAINS(npz_error(zip_file({member})), "stored, yet ");
}

TEST(Npz, RefusesBrokenDeflateStreams) {
  Member member = packed("a.npy", three);
  member.unpacked += 1;
  EXPECT_CONTAINS(npz_error(zip_file({member})), "unpacks to ");
  member.unpacked -= 2;
  EXPECT_CONTAINS(npz_error(zip_file({member})), "unpacks to more than the announced");
  member = packed("a.npy", three);
  member.packed.resize(member.packed.size() / 2);
  EXPECT_CONTAINS(npz_error(zip_file({member})), "deflate stream ends early");
  member.packed[0] = '\x07';  // a block of the reserved type
  EXPECT_CONTAINS(npz_error(zip_file({member})), "corrupt deflate stream");
}

TEST(Npz, RefusesBombsBeforeUnpackingThem) {
  Member member = packed("a.npy", three);
  member.unpacked = 0xfffffffe;
  EXPECT_CONTAINS(npz_error(zip_file({member})),
                  "packed bytes cannot hold the 4294967294 that are announced");
  std::string later = member.name;
  later[0] = 'b';
  EXPECT_CONTAINS(npz_error(zip_file({member, {later, member.packed, member.unpacked, member.crc, 8, 0}})),
                  "the archive unpacks to more than the 4294967296 bytes that are read");
}

TEST(Npz, RefusesEntriesThatShareTheirBytes) {
  // The same local entry listed twice under two names: the sizes sum to more than the file.
  const std::string data = npy_file("|u1", false, "(1000,)", std::string(1000, 'x'));
  const std::string whole = zip_file({stored("a.npy", data)});
  const std::size_t directory = 30 + 5 + data.size();
  std::string entry = whole.substr(directory, 46 + 5);
  std::string twin = entry;
  twin[46] = 'b';
  const std::string end = "PK\x05\x06" + little(0, 4) + little(2, 2) + little(2, 2) +
                          little(2 * entry.size(), 4) + little(directory, 4) + little(0, 2);
  EXPECT_CONTAINS(npz_error(whole.substr(0, directory) + entry + twin + end),
                  "the packed sizes sum to more than");
}

TEST(Npz, RefusesDirectoriesThatRunOutOfTheFile) {
  std::string bytes = zip_file({stored("a.npy", three)});
  const std::size_t end = bytes.size() - 22;
  std::string changed = bytes;
  changed.replace(end + 16, 4, little(0x7fffffff, 4));
  EXPECT_CONTAINS(npz_error(changed), "runs past the end record");
  changed = bytes;
  changed.replace(end + 10, 2, little(60000, 2));
  EXPECT_CONTAINS(npz_error(changed), "60000 zip entries do not fit");
  changed = bytes;
  changed.replace(end + 4, 2, little(1, 2));
  EXPECT_CONTAINS(npz_error(changed), "several disks");
  changed = bytes;
  changed.replace(end - 51, 4, "PK\x07\x07");
  EXPECT_CONTAINS(npz_error(changed), "zip directory entry 0 has a wrong signature");
  changed = bytes;
  changed[2] = 'x';
  EXPECT_CONTAINS(npz_error(changed), "f.npz['a']: no local header at byte 0");
}

TEST(Npz, ReadsBackWhatItWrites) {
  const std::vector<std::int64_t> table = {2, 3}, row = {3}, scalar = {};
  const std::vector<double> numbers = {1, -0.5, 1e-300, 4, 5, M_PI};
  const std::string bytes = encode_npz({{"w", encode_npy(table, numbers)},
                                        {"fc1.bias", encode_npy(row, std::span(numbers).first(3))},
                                        {"s", encode_npy(scalar, std::span(numbers).last(1))}});
  std::vector<std::string> order;
  const auto arrays = parse_npz(bytes, "f.npz", &order);
  EXPECT_EQ(order, (std::vector<std::string>{"w", "fc1.bias", "s"}));
  EXPECT_EQ(arrays.at("w").shape, table);
  EXPECT_EQ(arrays.at("w").values, numbers);
  EXPECT_EQ(arrays.at("fc1.bias").shape, row);
  EXPECT_EQ(arrays.at("s").shape, scalar);
  EXPECT_EQ(arrays.at("s").values, std::vector<double>{M_PI});
  EXPECT_TRUE(parse_npz(encode_npz({}), "f.npz").empty());
}

TEST(Npz, IsNotWrittenWithKeysThatCannotBeRead) {
  const auto refusal = [](const std::vector<NpzEntry>& entries) {
    return message_of([&] { (void)encode_npz(entries); }, base::ErrorKind::usage);
  };
  EXPECT_CONTAINS(refusal({{"a", three}, {"a", three}}), "'a' is used twice");
  EXPECT_CONTAINS(refusal({{"", three}}), "is no key");
}

TEST(Npz, RefusesEveryTruncation) {
  test::expect_every_truncation_is_refused(zip_file({stored("a.npy", three), packed("b.npy", four)}),
                                           [](std::string_view bytes) { (void)parse_npz(bytes, "f.npz"); });
}

TEST(Npz, SurvivesMutations) {
  test::expect_mutations_are_survived(
      {zip_file({stored("a.npy", three), packed("b.npy", four)}), zip_file({packed("b.npy", four)})},
      [](std::string_view bytes) { (void)parse_npz(bytes, "f.npz"); });
}

}  // namespace
}  // namespace starling::data
