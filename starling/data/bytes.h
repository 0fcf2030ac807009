#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "starling/base/error.h"

namespace starling::data {

[[noreturn]] inline void refuse(std::string_view name, const std::string& message) {
  throw base::Error(base::ErrorKind::input, fmt::format("{}: {}", name, message));
}

/// Reads integers from untrusted bytes: every access is checked.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  void seek(std::size_t position) {
    if (position > bytes_.size()) refuse(name_, fmt::format("truncated: offset {} lies past the {} bytes", position, bytes_.size()));
    position_ = position;
  }
  std::string_view take(std::size_t count) {
    if (count > left()) refuse(name_, fmt::format("truncated: {} bytes expected at offset {}, {} left", count, position_, left()));
    const std::string_view out = bytes_.substr(position_, count);
    position_ += count;
    return out;
  }
  std::uint64_t little(std::size_t count) { return number(take(count), false); }
  std::uint64_t big(std::size_t count) { return number(take(count), true); }

  static std::uint64_t number(std::string_view bytes, bool big_endian) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char byte = big_endian ? bytes[i] : bytes[bytes.size() - 1 - i];
      value = (value << 8U) | static_cast<std::uint8_t>(byte);
    }
    return value;
  }

 private:
  std::string_view bytes_, name_;
  std::size_t position_ = 0;
};

/// The product of extents, refused when one is negative or the product exceeds `most`.
inline std::size_t checked_size(const std::vector<std::int64_t>& shape, std::size_t most, std::string_view name) {
  std::size_t size = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) refuse(name, fmt::format("shape holds {}; expected extents that are not negative", extent));
    const auto e = static_cast<std::size_t>(extent);
    if (e != 0 && size > most / e) refuse(name, "truncated: the shape asks for more values than the file holds");
    size *= e;
  }
  return size;
}

}  // namespace starling::data
