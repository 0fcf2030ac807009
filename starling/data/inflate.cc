#include "starling/data/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <vector>

#include "starling/data/bytes.h"

namespace starling::data {
namespace {

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
      throw std::bad_alloc();  // negative: raw, without a zlib header
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
};

constexpr std::size_t chunk_bytes = std::size_t{1} << 16U;

}  // namespace

bool plausible_expansion(std::uint64_t packed, std::uint64_t unpacked) {
  constexpr std::uint64_t slack = 4096;
  return unpacked <= slack || (unpacked - slack) / most_expansion <= packed;
}

std::string inflate_raw(std::string_view packed, std::uint64_t size, std::string_view name) {
  if (size > most_unpacked) {
    fail_input(name, fmt::format("unpacks to {} bytes, more than the {} that are read", size, most_unpacked));
  }
  if (!plausible_expansion(packed.size(), size)) {
    fail_input(name,
               fmt::format("{} packed bytes cannot hold the {} that are announced", packed.size(), size));
  }
  Inflater inflater;
  std::string out;
  std::vector<char> chunk(chunk_bytes);
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    z_stream& stream = inflater.stream;
    const std::size_t input = std::min(packed.size(), chunk_bytes);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));  // zlib only reads it
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t produced = chunk.size() - stream.avail_out;
    const std::size_t consumed = input - stream.avail_in;
    packed.remove_prefix(consumed);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      fail_input(name, fmt::format("corrupt deflate stream near unpacked byte {}: {}", out.size() + produced,
                                   stream.msg != nullptr ? stream.msg : "no reason given"));
    }
    if (produced > size - out.size())
      fail_input(name, fmt::format("unpacks to more than the announced {} bytes", size));
    out.append(chunk.data(), produced);
    if (status != Z_STREAM_END && consumed == 0 && produced == 0) {
      fail_input(name, fmt::format("deflate stream ends early, after {} of {} bytes", out.size(), size));
    }
  }
  if (out.size() != size) fail_input(name, fmt::format("unpacks to {} bytes, expected {}", out.size(), size));
  return out;
}

std::uint32_t crc32_of(std::string_view bytes) {
  uLong sum = ::crc32(0, nullptr, 0);
  constexpr std::size_t step = std::size_t{1} << 30U;  // zlib counts in 32 bits
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), step);
    sum = ::crc32(sum, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(count));
    bytes.remove_prefix(count);
  }
  return static_cast<std::uint32_t>(sum);
}

}  // namespace starling::data
