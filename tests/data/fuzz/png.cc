#include "starling/data/png.h"

#include <cstdint>
#include <string>

#include "starling/base/error.h"
#include "starling/data/inflate.h"

namespace {

void read(const std::string& bytes) {
  try {
    (void)starling::data::decode_png(bytes, "input");
  } catch (const starling::base::Error&) {
  }
}

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Every chunk with the checksum that it should have, so that its content is looked at.
std::string repaired(std::string bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t size = big_endian(bytes, at);
    if (size > bytes.size() - at - 12) break;
    const std::uint32_t sum = starling::data::crc32_of(std::string_view(bytes).substr(at + 4, size + 4));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + size + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += size + 12;
  }
  return bytes;
}

}  // namespace

// Any bytes end in a value or in one base::Error; whatever else happens stops the fuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  read(repaired(bytes));
  return 0;
}
