#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::data {

/// The most bytes that a reader unpacks from one file.
constexpr std::uint64_t most_unpacked = std::uint64_t{4} << 30U;

/// Deflate emits at most 258 bytes for two bits: no honest stream expands more than this (zlib's "Maximum
/// Expansion").
constexpr std::uint64_t most_expansion = 1032;

/// Whether `packed` deflated bytes can hold `unpacked` bytes at all.
bool plausible_expansion(std::uint64_t packed, std::uint64_t unpacked);

/// Unpacks a raw deflate stream that is said to hold exactly `size` bytes. Memory grows with what really
/// comes out, never with `size`. Throws Error{input} when the stream is corrupt, or is shorter or longer than
/// said, or cannot hold that much, or `size` exceeds `most_unpacked`. `name` opens the message.
std::string inflate_raw(std::string_view packed, std::uint64_t size, std::string_view name);

/// The CRC-32 of zip, png and gzip (polynomial 0xEDB88320).
std::uint32_t crc32_of(std::string_view bytes);

}  // namespace starling::data
