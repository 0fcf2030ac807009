#include "starling/data/npz.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "starling/base/error.h"
#include "starling/data/inflate.h"

namespace {

void read(const std::string& bytes) {
  try {
    (void)starling::data::parse_npz(bytes, "input");
  } catch (const starling::base::Error&) {
  }
}

std::uint32_t little_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Every stored member with the checksum and the sizes that it should have, so that its content is looked at.
std::string repaired(std::string bytes) {
  for (std::size_t at = bytes.find("PK\x01\x02"); at != std::string::npos && at + 46 <= bytes.size();
       at = bytes.find("PK\x01\x02", at + 1)) {
    const std::size_t local = little_endian(bytes, at + 42, 4), packed = little_endian(bytes, at + 20, 4);
    if (little_endian(bytes, at + 10, 2) != 0 || local + 30 > bytes.size()) continue;
    const std::size_t begin =
        local + 30 + little_endian(bytes, local + 26, 2) + little_endian(bytes, local + 28, 2);
    if (begin > bytes.size() || packed > bytes.size() - begin) continue;
    const std::uint32_t sum = starling::data::crc32_of(std::string_view(bytes).substr(begin, packed));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + 16 + i] = static_cast<char>(sum >> (8 * i));
      bytes[at + 24 + i] = bytes[at + 20 + i];
    }
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + 16), 12,
                bytes.begin() + static_cast<std::ptrdiff_t>(local + 14));
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
