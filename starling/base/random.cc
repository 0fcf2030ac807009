#include "starling/base/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <utility>

namespace starling::base {
namespace {

constexpr std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
constexpr std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32U);
}

// splitmix64's finaliser: every bit of the seed and of the task reaches every bit of the key.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

}  // namespace

Stream::Stream(std::uint64_t seed, std::uint32_t task, Purpose purpose, std::uint64_t index)
    : key_{}, counter_{0, purpose.code, low(index), high(index)} {
  const std::uint64_t key = mix(mix(seed + 0x9e3779b97f4a7c15ULL) + task);
  key_ = {low(key), high(key)};
}

void Stream::refill() {
  const r123::Philox4x32::ctr_type counter = {{counter_[0], counter_[1], counter_[2], counter_[3]}};
  const r123::Philox4x32::key_type key = {{key_[0], key_[1]}};
  const auto block = r123::Philox4x32()(counter, key);
  for (unsigned i = 0; i < 4; ++i) block_[i] = block[i];
  ++counter_[0];
  used_ = 0;
}

std::uint32_t Stream::bits() {
  if (used_ == 4) refill();
  return block_[used_++];
}

double Stream::uniform() {
  const std::uint64_t upper = bits();
  const std::uint64_t word = (upper << 32U) | bits();
  return (static_cast<double>(word >> 12U) + 0.5) * 0x1p-52;
}

double Stream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::uint64_t Stream::below(std::uint64_t bound) {
  // Reject the incomplete last cycle, so that every value has the same number of pre-images.
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  for (;;) {
    const std::uint64_t upper = bits();
    const std::uint64_t word = (upper << 32U) | bits();
    if (word < limit) return word % bound;
  }
}

void Stream::fill_normal(std::span<double> out) {
  for (double& value : out) value = normal();
}

void Stream::fill_normal(std::span<float> out) {
  const auto unit = [this] { return (static_cast<float>(bits() >> 8U) + 0.5F) * 0x1p-24F; };
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const float radius = std::sqrt(-2.0F * std::log(unit()));
    const float angle = 2.0F * std::numbers::pi_v<float> * unit();
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

void Stream::shuffle(std::span<std::int64_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

}  // namespace starling::base
