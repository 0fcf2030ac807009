#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::data {

/// Throws base::Error{input} with the message "NAME: MESSAGE".
[[noreturn]] void fail_input(std::string_view name, std::string_view message);

/// Text from a file made fit for a one-line message: in single quotes, unprintable bytes escaped, cut after
/// 60 bytes.
std::string in_quotes(std::string_view text);

/// The same without the quotes.
std::string printable(std::string_view text);

/// "(3, 4)": a shape as numpy prints it.
std::string shape_text(std::span<const std::int64_t> shape);

/// The product of the extents, or nothing when an extent is negative or the product exceeds `largest`.
/// A zero extent makes the product zero whatever the others are.
std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape, std::uint64_t largest);

/// One number of type T from the first sizeof(T) bytes at `from`, in the stated byte order; no alignment is
/// assumed.
template <class T>
T load_number(const char* from, bool big_endian) {
  char raw[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    raw[i] = from[(big_endian == (std::endian::native == std::endian::big)) ? i : sizeof(T) - 1 - i];
  }
  T value;
  std::memcpy(&value, raw, sizeof(T));
  return value;
}

/// A cursor over bytes that are not trusted. Every step is checked; running off the end throws Error{input}
/// that names the file, the offset, what was being read, and how many bytes are missing.
class Cursor {
 public:
  Cursor(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return bytes_.size() - offset_; }
  std::string_view name() const { return name_; }

  /// The next `count` bytes, which are passed over. `what` names them in the message.
  std::string_view take(std::uint64_t count, std::string_view what);
  /// Moves to an absolute offset.
  void seek(std::uint64_t offset, std::string_view what);
  /// The next sizeof(T) bytes as a little-endian number.
  template <class T>
  T little(std::string_view what) {
    return load_number<T>(take(sizeof(T), what).data(), false);
  }
  /// The next sizeof(T) bytes as a big-endian number.
  template <class T>
  T big(std::string_view what) {
    return load_number<T>(take(sizeof(T), what).data(), true);
  }

 private:
  std::string_view bytes_;
  std::string_view name_;
  std::uint64_t offset_ = 0;
};

}  // namespace starling::data
