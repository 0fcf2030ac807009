#pragma once
#include <cmath>
#include <numbers>

#include "starling/base/matrix.h"
#include "starling/nets/mlp.h"

namespace starling::nets {

// Over whole blocks, so that Eigen's vectorised exp and tanh do the work.

/// after = act(before)
template <class In, class Out>
void activate(Activation kind, const In& before, Out&& after) {
  using T = typename In::Scalar;
  const auto x = before.array();
  switch (kind) {
    case Activation::silu:
      after.array() = x / (T(1) + (-x).exp());
      return;
    case Activation::gelu:
      // x Φ(x), with Φ from erf in closed form: the exact GELU.
      after.array() =
          x.unaryExpr([](T v) { return v * T(0.5) * std::erfc(-v * std::numbers::sqrt2_v<T> / T(2)); });
      return;
    case Activation::tanh:
      after.array() = x.tanh();
      return;
    case Activation::relu:
      after.array() = x.max(T(0));
      return;
  }
}

/// delta *= act'(before)
template <class In, class Out>
void multiply_by_slope(Activation kind, const In& before, Out&& delta) {
  using T = typename In::Scalar;
  const auto x = before.array();
  switch (kind) {
    case Activation::silu:
      // With s = sigmoid(x): s (1 + x (1 - s)).
      delta.array() *= ((-x).exp() * (T(1) + x) + T(1)) / (T(1) + (-x).exp()).square();
      return;
    case Activation::gelu:
      delta.array() *= x.unaryExpr([](T v) {
        const T cdf = T(0.5) * std::erfc(-v * std::numbers::sqrt2_v<T> / T(2));
        const T pdf = std::exp(-v * v / T(2)) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
        return cdf + v * pdf;
      });
      return;
    case Activation::tanh:
      delta.array() *= T(1) - x.tanh().square();
      return;
    case Activation::relu:
      delta.array() *= (x > T(0)).template cast<T>();
      return;
  }
}

}  // namespace starling::nets
