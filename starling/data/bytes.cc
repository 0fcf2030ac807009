#include "starling/data/bytes.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"

namespace starling::data {

void fail_input(std::string_view name, std::string_view message) {
  throw base::Error(base::ErrorKind::input, fmt::format("{}: {}", name, message));
}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string out;
  for (const char letter : text.substr(0, longest)) {
    const auto code = static_cast<unsigned char>(letter);
    if (code < 0x20 || code >= 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(code));
    } else {
      out += letter;
    }
  }
  return out + (text.size() > longest ? "..." : "");
}

std::string in_quotes(std::string_view text) {
  return fmt::format("'{}'", printable(text));
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) out += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return out + (shape.size() == 1 ? ",)" : ")");
}

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape, std::uint64_t largest) {
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 0; })) return {};
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) {
    const auto factor = static_cast<std::uint64_t>(extent);
    if (count > largest / factor) return {};
    count *= factor;
  }
  if (count > largest) return {};
  return count;
}

std::string_view Cursor::take(std::uint64_t count, std::string_view what) {
  if (count > remaining()) {
    fail_input(name_, fmt::format("truncated at byte {}: {} takes {} bytes, {} are left", offset_, what,
                                  count, remaining()));
  }
  const std::string_view taken = bytes_.substr(offset_, count);
  offset_ += count;
  return taken;
}

void Cursor::seek(std::uint64_t offset, std::string_view what) {
  if (offset > bytes_.size()) {
    fail_input(name_, fmt::format("{} is said to lie at byte {}, but the file has {} bytes", what, offset,
                                  bytes_.size()));
  }
  offset_ = offset;
}

}  // namespace starling::data
