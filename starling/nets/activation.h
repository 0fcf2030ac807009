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
    case Activation::erf:
      after.array() = x.unaryExpr([](T v) { return std::erf(v * std::numbers::sqrt2_v<T> / T(2)); });
      return;
    case Activation::sigmoid:
      after.array() = T(1) / (T(1) + (-x).exp());
      return;
    case Activation::softplus:
      after.array() = x.max(T(0)) + (-x.abs()).exp().log1p();
      return;
    case Activation::linear:
      after.array() = x;
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
    case Activation::erf:
      delta.array() *=
          (x.square() / T(-2)).exp() * (std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>);
      return;
    case Activation::sigmoid:
      delta.array() *= T(1) / ((T(1) + (-x).exp()) * (T(1) + x.exp()));
      return;
    case Activation::softplus:
      delta.array() *= T(1) / (T(1) + (-x).exp());
      return;
    case Activation::linear:
      return;
  }
}

/// value = act(before), first = act'(before), second = act''(before), of one shape; relu'' is 0 everywhere.
template <class In, class Out>
void activate_twice_differentiated(Activation kind, const In& before, Out&& value, Out&& first,
                                   Out&& second) {
  using T = typename In::Scalar;
  const auto x = before.array();
  constexpr T density = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;  // of the normal at 0
  activate(kind, before, value);
  const auto s = value.array();
  switch (kind) {
    case Activation::silu:  // first holds the logistic function until it is no longer needed
      first.array() = T(1) / (T(1) + (-x).exp());
      second.array() = first.array() * (T(1) - first.array()) * (T(2) + x * (T(1) - T(2) * first.array()));
      first.array() = first.array() * (T(1) + x * (T(1) - first.array()));
      return;
    case Activation::gelu:
      second.array() = density * (x.square() / T(-2)).exp();
      first.array() = x.unaryExpr([](T v) {
        return T(0.5) * std::erfc(-v * std::numbers::sqrt2_v<T> / T(2));
      }) + x * second.array();
      second.array() *= T(2) - x.square();
      return;
    case Activation::tanh:
      first.array() = T(1) - s.square();
      second.array() = T(-2) * s * first.array();
      return;
    case Activation::relu:
      first.array() = (x > T(0)).template cast<T>();
      second.array().setZero();
      return;
    case Activation::erf:
      first.array() = T(2) * density * (x.square() / T(-2)).exp();
      second.array() = -x * first.array();
      return;
    case Activation::sigmoid:
      first.array() = T(1) / ((T(1) + (-x).exp()) * (T(1) + x.exp()));
      second.array() = first.array() * (T(1) - T(2) * s);
      return;
    case Activation::softplus:
      first.array() = T(1) / (T(1) + (-x).exp());
      second.array() = first.array() * (T(1) - first.array());
      return;
    case Activation::linear:
      first.array().setOnes();
      second.array().setZero();
      return;
  }
}

}  // namespace starling::nets
