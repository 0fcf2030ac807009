#include "starling/systems/students/one_neuron.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "starling/base/error.h"
#include "starling/systems/students/quadrature.h"

namespace starling::students {
namespace {

constexpr double smallest = 1e-3, largest = 1e3;  // where a finite minimum is looked for
constexpr double nearly_zero = 1e-6, nearly_infinite = 1e6;

class Profile {
 public:
  Profile(double k, Activation activation) : k_(k), activation_(activation) {
    if (!has_closed_form(activation)) teacher_.emplace(activation, 1, 0);
    power_ = k * kernel(activation, self_overlap(1)).value +
             k * (k - 1) * kernel(activation, overlap(1, 0, 1)).value;
  }

  double outgoing(double r) const {
    const Pair x = pair(r);
    return k_ * x.shared.value / x.own.value;
  }

  // Infinite where numbers overflow.
  double loss(double r) const {
    const Pair x = pair(r);
    const double c = k_ * x.shared.value, value = power_ - c * c / x.own.value;
    return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
  }

  double slope(double r) const {
    const auto [x, y] = pair(r);
    const double c = k_ * x.value, dc = k_ * (2 * r * x.d1 + x.dc / std::sqrt(k_));
    const double dy = 2 * r * (y.d1 + y.dc + y.d2);
    return -c * (2 * dc - c * dy / y.value) / y.value;
  }

 private:
  struct Pair {
    Kernel shared, own;  // of the neuron with a teacher, and with itself
  };
  Pair pair(double r) const {
    const double q = r * r;
    const Overlap shared{.q1 = q, .c = r / std::sqrt(k_), .q2 = 1, .gram = q * (k_ - 1) / k_};
    if (!teacher_) return {kernel(activation_, shared), kernel(activation_, self_overlap(q))};
    const Expansion neuron(activation_, r, 0);
    return {kernel_from(pair_averages(neuron, *teacher_, shared).moments), kernel_from(neuron.own())};
  }

  double k_;
  Activation activation_;
  std::optional<Expansion> teacher_;  // where there is no closed form
  double power_ = 0;
};

double bisect(const Profile& profile, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-16 * high; ++i) {
    const double middle = (low + high) / 2;
    (profile.slope(middle) < 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

// The best r at which the slope turns from negative to positive.
std::optional<double> interior_minimum(const Profile& profile) {
  constexpr int steps = 500;
  const double ratio = std::pow(largest / smallest, 1.0 / steps);
  std::optional<double> best;
  double low = smallest, before = profile.slope(low);
  for (int i = 0; i < steps; ++i) {
    const double high = low * ratio, after = profile.slope(high);
    if (before < 0 && after > 0) {
      const double r = bisect(profile, low, high);
      if (!best || profile.loss(r) < profile.loss(*best)) best = r;
    }
    low = high;
    before = after;
  }
  return best;
}

}  // namespace

OneNeuron one_neuron(base::Index k, Activation activation) {
  if (k < 1)
    throw base::Error(base::ErrorKind::usage, fmt::format("k: {} is out of range; expected at least 1", k));
  const Profile profile(static_cast<double>(k), activation);
  const auto at = [&](double r) {
    return OneNeuron{.r = r, .a = profile.outgoing(r), .loss = profile.loss(r), .finite = true};
  };
  if (degree(activation) > 0) return at(1);
  const double far = profile.loss(nearly_infinite), near = profile.loss(nearly_zero);
  const std::optional<double> r = interior_minimum(profile);
  if (r && profile.loss(*r) <= std::min(far, near)) return at(*r);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (far <= near) return {.r = infinity, .a = 0, .loss = far, .finite = false};
  return {.r = 0, .a = infinity, .loss = near, .finite = false};
}

}  // namespace starling::students
