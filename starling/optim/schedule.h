#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numbers>
#include <ranges>
#include <span>

namespace starling::optim {

enum class Decay { constant, cosine };

/// A learning rate over a run: a linear warm-up, then constant, or half a cosine down to
/// `floor` times the rate.
struct Schedule {
  double rate = 1e-3;         ///< > 0, the largest
  std::int64_t warm_up = 0;   ///< steps
  std::int64_t steps = 1000;  ///< of the whole run
  Decay decay = Decay::constant;
  double floor = 0;  ///< 0 to 1, of the cosine
};

/// The rate of step `step`, counted from 0.
inline double rate_at(const Schedule& s, std::int64_t step) {
  if (step < s.warm_up) return s.rate * static_cast<double>(step + 1) / static_cast<double>(s.warm_up);
  if (s.decay == Decay::constant) return s.rate;
  const double length = static_cast<double>(std::max<std::int64_t>(1, s.steps - s.warm_up));
  const double done = std::min(1.0, static_cast<double>(step - s.warm_up) / length);
  return s.rate * (s.floor + (1 - s.floor) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
}

/// √(Σ v_i²) in double: eight sums side by side, which a processor takes at once.
template <std::ranges::contiguous_range Range>
double euclidean_norm(const Range& values) {
  double sums[8] = {};
  const std::size_t whole = std::size(values) / 8 * 8;
  const auto square = [&](std::size_t i) {
    return static_cast<double>(values[i]) * static_cast<double>(values[i]);
  };
  for (std::size_t i = 0; i < whole; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += square(i + k);
  }
  double sum = 0;
  for (const double part : sums) sum += part;
  for (std::size_t i = whole; i < std::size(values); ++i) sum += square(i);
  return std::sqrt(sum);
}

/// Scales the gradient to Euclidean norm at most `largest` (0: never); returns the norm before, in double.
template <class T>
double clip_norm(std::span<T> gradient, double largest) {
  const double norm = euclidean_norm(gradient);
  if (largest > 0 && norm > largest) {
    const T factor = static_cast<T>(largest / norm);
    for (T& g : gradient) g *= factor;
  }
  return norm;
}

/// average = decay * average + (1 - decay) * value
template <class T>
void update_average(double decay, std::span<T> average, std::span<const T> value) {
  const T keep = static_cast<T>(decay);
  for (std::size_t i = 0; i < average.size(); ++i) average[i] = keep * average[i] + (T(1) - keep) * value[i];
}

}  // namespace starling::optim
