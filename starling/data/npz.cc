#include <zlib.h>

#include <algorithm>

#include "starling/data/array.h"
#include "starling/data/bytes.h"

namespace starling::data {
namespace {

constexpr std::size_t largest_member = std::size_t{1} << 30U;

// Raw deflate, grown as it comes: a header's size is a claim, not a fact.
std::string inflate_raw(std::string_view packed, std::string_view name) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) refuse(name, "zlib cannot start");
  // zlib's interface predates const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT32_MAX));
  std::string out;
  std::string buffer(std::size_t{1} << 16U, '\0');
  int code = Z_OK;
  while (code == Z_OK && out.size() <= largest_member) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, 0, buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > largest_member) refuse(name, "a member expands to more than 1 GiB");
  if (code != Z_STREAM_END) refuse(name, "a member is truncated or damaged (deflate)");
  return out;
}

// The end-of-directory record: the last place where its signature stands.
std::size_t find_end(std::string_view bytes, std::string_view name) {
  constexpr std::size_t record = 22, longest_comment = 65535;
  if (bytes.size() < record) refuse(name, "truncated: too short for an npz archive");
  const std::size_t first = bytes.size() > record + longest_comment ? bytes.size() - record - longest_comment : 0;
  for (std::size_t at = bytes.size() - record + 1; at-- > first;) {
    if (bytes.substr(at, 4) == std::string_view("PK\5\6", 4)) return at;
  }
  refuse(name, "truncated or not an npz archive: no zip directory at its end");
}

}  // namespace

std::map<std::string, Array> parse_npz(std::string_view bytes, std::string_view name) {
  ByteReader reader(bytes, name);
  reader.seek(find_end(bytes, name) + 10);
  const std::uint64_t members = reader.little(2);
  reader.little(4);
  reader.seek(reader.little(4));
  std::map<std::string, Array> arrays;
  for (std::uint64_t m = 0; m < members; ++m) {
    if (reader.take(4) != std::string_view("PK\1\2", 4)) refuse(name, "damaged: the zip directory is broken");
    reader.take(6);
    const std::uint64_t method = reader.little(2);
    reader.take(4);
    const std::uint64_t crc = reader.little(4);
    const std::uint64_t packed = reader.little(4);
    reader.take(4);
    const std::uint64_t name_length = reader.little(2), extra = reader.little(2), comment = reader.little(2);
    reader.take(8);
    const std::uint64_t offset = reader.little(4);
    std::string member(reader.take(name_length));
    reader.take(extra + comment);

    ByteReader local(bytes, name);
    local.seek(offset);
    if (local.take(4) != std::string_view("PK\3\4", 4)) refuse(name, fmt::format("damaged: member '{}' has no header", member));
    local.take(22);
    const std::uint64_t local_name = local.little(2), local_extra = local.little(2);
    local.take(local_name + local_extra);
    const std::string_view body = local.take(packed);
    if (method != 0 && method != 8) refuse(name, fmt::format("member '{}' uses zip method {}; expected 0 or 8", member, method));
    const std::string content = method == 0 ? std::string(body) : inflate_raw(body, name);
    if (crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()) != crc) {
      refuse(name, fmt::format("damaged: member '{}' fails its checksum", member));
    }
    if (member.size() > 4 && member.ends_with(".npy")) member.resize(member.size() - 4);
    arrays[member] = parse_npy(content, fmt::format("{}[{}]", name, member));
  }
  return arrays;
}

}  // namespace starling::data
