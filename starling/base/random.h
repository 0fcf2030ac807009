#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace starling::base {

/// A short name for what random numbers are used for, hashed at compile time: distinct purposes never share
/// numbers.
struct Purpose {
  std::uint32_t code;
  // NOLINTNEXTLINE(google-explicit-constructor): reads as Stream{seed, task, "noise", step}
  constexpr Purpose(std::string_view name) : code(2166136261U) {
    for (const char letter : name) code = (code ^ static_cast<std::uint8_t>(letter)) * 16777619U;  // FNV-1a
  }
  constexpr Purpose(const char* name) : Purpose(std::string_view(name)) {}
};

/// A counter-based random stream (Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2,
/// 3", SC 2011).
///
/// The numbers are a pure function of (seed, task, purpose, index, position): no thread, rank or resumed run
/// can change them. `index` is whatever counts the uses of one purpose: a step, a particle, a replicate. Copy
/// freely; a stream is forty bytes.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint32_t task, Purpose purpose, std::uint64_t index = 0);

  std::uint32_t bits();                          ///< 32 uniform bits
  double uniform();                              ///< uniform in (0, 1), 52 bits, never 0 or 1
  double normal();                               ///< standard normal (Box-Muller)
  std::uint64_t below(std::uint64_t bound);      ///< uniform in {0, ..., bound - 1} without bias; bound >= 1
  void fill_normal(std::span<double> out);       ///< standard normals
  void fill_normal(std::span<float> out);        ///< standard normals from 24-bit uniforms: twice as fast
  void shuffle(std::span<std::int64_t> values);  ///< Fisher-Yates

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

}  // namespace starling::base
