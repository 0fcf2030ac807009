#include "starling/systems/pinn/tape.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace starling::pinn {
namespace {

// x^n for a whole n by squaring.
template <class T>
T whole_power(T x, int n) {
  const bool inverse = n < 0;
  T result = 1, square = x;
  for (int left = std::abs(n); left > 0; left >>= 1) {
    if ((left & 1) != 0) result *= square;
    square *= square;
  }
  return inverse ? T(1) / result : result;
}

template <class T, class Function>
void each(T* out, const T* a, const Function& function) {
  for (std::ptrdiff_t i = 0; i < Tape<T>::lanes; ++i) out[i] = function(a[i]);
}
template <class T, class Function>
void each(T* out, const T* a, const T* b, const Function& function) {
  for (std::ptrdiff_t i = 0; i < Tape<T>::lanes; ++i) out[i] = function(a[i], b[i]);
}

}  // namespace

template <class T>
Tape<T>::Tape(const Graph& graph, const std::vector<int>& roots) {
  const int last = *std::max_element(roots.begin(), roots.end());
  std::vector<bool> needed(static_cast<std::size_t>(last) + 1, false);
  for (const int root : roots) needed[static_cast<std::size_t>(root)] = true;
  const auto leaf = [](Op op) { return op <= Op::learned; };
  const auto pair = [](Op op) { return op >= Op::add && op <= Op::power; };
  for (int i = last; i >= 0; --i) {
    const Node& node = graph.at(i);
    if (!needed[static_cast<std::size_t>(i)] || leaf(node.op)) continue;
    needed[static_cast<std::size_t>(node.a)] = true;
    if (pair(node.op)) needed[static_cast<std::size_t>(node.b)] = true;
  }
  std::vector<int> number(static_cast<std::size_t>(last) + 1, -1);
  for (int i = 0; i <= last; ++i) {
    if (!needed[static_cast<std::size_t>(i)]) continue;
    const Node& node = graph.at(i);
    Step step{.op = node.op, .a = node.a, .b = node.b, .value = static_cast<T>(node.value)};
    if (node.op == Op::symbol) {
      step.a = static_cast<int>(symbols_.size());
      symbols_.push_back(node.a);
      step.active = true;
    } else if (node.op == Op::learned) {
      step.active = true;
    } else if (!leaf(node.op)) {
      if (node.op == Op::power && graph.is_constant(node.b)) {
        const double exponent = graph.at(node.b).value;
        step.whole = exponent == std::floor(exponent) && std::abs(exponent) <= 64;
        if (step.whole) step.integer = static_cast<int>(exponent);
      }
      step.a = number[static_cast<std::size_t>(node.a)];
      step.active = steps_[static_cast<std::size_t>(step.a)].active;
      if (pair(node.op)) {
        step.b = number[static_cast<std::size_t>(node.b)];
        step.active = step.active || steps_[static_cast<std::size_t>(step.b)].active;
      }
    }
    number[static_cast<std::size_t>(i)] = static_cast<int>(steps_.size());
    steps_.push_back(step);
  }
  for (const int root : roots) roots_.push_back(number[static_cast<std::size_t>(root)]);
}

template <class T>
void Tape<T>::forward_step(const Step& step, T* room, T* out) const {
  const T* a = row(step.a, room);
  const T* b = step.b < 0 ? a : row(step.b, room);
  switch (step.op) {
    case Op::add:
      return each(out, a, b, [](T x, T y) { return x + y; });
    case Op::subtract:
      return each(out, a, b, [](T x, T y) { return x - y; });
    case Op::multiply:
      return each(out, a, b, [](T x, T y) { return x * y; });
    case Op::divide:
      return each(out, a, b, [](T x, T y) { return x / y; });
    case Op::power:
      if (step.whole) return each(out, a, [&](T x) { return whole_power(x, step.integer); });
      return each(out, a, b, [](T x, T y) { return std::pow(x, y); });
    case Op::negate:
      return each(out, a, [](T x) { return -x; });
    case Op::sin:
      return each(out, a, [](T x) { return std::sin(x); });
    case Op::cos:
      return each(out, a, [](T x) { return std::cos(x); });
    case Op::tan:
      return each(out, a, [](T x) { return std::tan(x); });
    case Op::exp:
      return each(out, a, [](T x) { return std::exp(x); });
    case Op::log:
      return each(out, a, [](T x) { return std::log(x); });
    case Op::sqrt:
      return each(out, a, [](T x) { return std::sqrt(x); });
    case Op::abs:
      return each(out, a, [](T x) { return std::abs(x); });
    case Op::sign:
      return each(out, a, [](T x) { return T(x > 0) - T(x < 0); });
    case Op::tanh:
      return each(out, a, [](T x) { return std::tanh(x); });
    case Op::sinh:
      return each(out, a, [](T x) { return std::sinh(x); });
    case Op::cosh:
      return each(out, a, [](T x) { return std::cosh(x); });
    case Op::atan:
      return each(out, a, [](T x) { return std::atan(x); });
    case Op::erf:
      return each(out, a, [](T x) { return std::erf(x); });
    default:
      return;
  }
}

template <class T>
void Tape<T>::evaluate(const T* coordinates, const T* const* symbols, const T* learned, T* room) const {
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    T* out = room + static_cast<std::ptrdiff_t>(s) * lanes;
    if (step.op == Op::constant) {
      std::fill_n(out, lanes, step.value);
    } else if (step.op == Op::axis) {
      std::copy_n(coordinates + step.a * lanes, lanes, out);
    } else if (step.op == Op::symbol) {
      std::copy_n(symbols[step.a], lanes, out);
    } else if (step.op == Op::learned) {
      std::fill_n(out, lanes, learned[step.a]);
    } else {
      forward_step(step, room, out);
    }
  }
}

// bar a += bar · ∂/∂a, and the same for b.
template <class T>
void Tape<T>::reverse_step(const Step& step, int number, T* room) const {
  const std::ptrdiff_t half = static_cast<std::ptrdiff_t>(steps_.size()) * lanes;
  const T* value = row(number, room);
  const T* bar = value + half;
  const T* a = row(step.a, room);
  const T* b = step.b < 0 ? a : row(step.b, room);
  T* bar_a = room + half + step.a * lanes;
  T* bar_b = step.b < 0 ? bar_a : room + half + step.b * lanes;
  const bool to_a = steps_[static_cast<std::size_t>(step.a)].active,
             to_b = step.b >= 0 && steps_[static_cast<std::size_t>(step.b)].active;
  const auto add = [&](T* to, const auto& slope) {
    for (std::ptrdiff_t i = 0; i < lanes; ++i) to[i] += bar[i] * slope(i);
  };
  switch (step.op) {
    case Op::add:
    case Op::subtract: {
      const T sign = step.op == Op::add ? T(1) : T(-1);
      if (to_a) add(bar_a, [](std::ptrdiff_t) { return T(1); });
      if (to_b) add(bar_b, [&](std::ptrdiff_t) { return sign; });
      return;
    }
    case Op::multiply:
      if (to_a) add(bar_a, [&](std::ptrdiff_t i) { return b[i]; });
      if (to_b) add(bar_b, [&](std::ptrdiff_t i) { return a[i]; });
      return;
    case Op::divide:
      if (to_a) add(bar_a, [&](std::ptrdiff_t i) { return T(1) / b[i]; });
      if (to_b) add(bar_b, [&](std::ptrdiff_t i) { return -value[i] / b[i]; });
      return;
    case Op::power:
      if (step.whole) {
        if (to_a)
          add(bar_a, [&](std::ptrdiff_t i) { return T(step.integer) * whole_power(a[i], step.integer - 1); });
        return;
      }
      if (to_a) add(bar_a, [&](std::ptrdiff_t i) { return b[i] * std::pow(a[i], b[i] - 1); });
      if (to_b) add(bar_b, [&](std::ptrdiff_t i) { return value[i] * std::log(a[i]); });
      return;
    case Op::negate:
      return add(bar_a, [](std::ptrdiff_t) { return T(-1); });
    case Op::sin:
      return add(bar_a, [&](std::ptrdiff_t i) { return std::cos(a[i]); });
    case Op::cos:
      return add(bar_a, [&](std::ptrdiff_t i) { return -std::sin(a[i]); });
    case Op::tan:
      return add(bar_a, [&](std::ptrdiff_t i) { return 1 + value[i] * value[i]; });
    case Op::exp:
      return add(bar_a, [&](std::ptrdiff_t i) { return value[i]; });
    case Op::log:
      return add(bar_a, [&](std::ptrdiff_t i) { return T(1) / a[i]; });
    case Op::sqrt:
      return add(bar_a, [&](std::ptrdiff_t i) { return T(0.5) / value[i]; });
    case Op::abs:
      return add(bar_a, [&](std::ptrdiff_t i) { return T(a[i] > 0) - T(a[i] < 0); });
    case Op::tanh:
      return add(bar_a, [&](std::ptrdiff_t i) { return 1 - value[i] * value[i]; });
    case Op::sinh:
      return add(bar_a, [&](std::ptrdiff_t i) { return std::cosh(a[i]); });
    case Op::cosh:
      return add(bar_a, [&](std::ptrdiff_t i) { return std::sinh(a[i]); });
    case Op::atan:
      return add(bar_a, [&](std::ptrdiff_t i) { return T(1) / (1 + a[i] * a[i]); });
    case Op::erf:
      return add(bar_a,
                 [&](std::ptrdiff_t i) { return T(2 * std::numbers::inv_sqrtpi) * std::exp(-a[i] * a[i]); });
    default:
      return;
  }
}

template <class T>
void Tape<T>::reverse(std::ptrdiff_t root, const T* weight, T* room, T* const* symbols,
                      T* const* learned) const {
  const int from = roots_[static_cast<std::size_t>(root)];
  T* bars = room + static_cast<std::ptrdiff_t>(steps_.size()) * lanes;
  std::fill_n(bars, (from + 1) * lanes, T(0));
  std::copy_n(weight, lanes, bars + from * lanes);
  for (int s = from; s >= 0; --s) {
    const Step& step = steps_[static_cast<std::size_t>(s)];
    if (!step.active) continue;
    const T* bar = bars + s * lanes;
    if (step.op == Op::symbol || step.op == Op::learned) {
      T* to = step.op == Op::symbol ? symbols[step.a] : learned[step.a];
      for (std::ptrdiff_t i = 0; i < lanes; ++i) to[i] += bar[i];
    } else {
      reverse_step(step, s, room);
    }
  }
}

template class Tape<float>;
template class Tape<double>;

}  // namespace starling::pinn
