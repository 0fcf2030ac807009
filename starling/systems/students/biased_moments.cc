#include <algorithm>
#include <cmath>
#include <numbers>

#include "starling/systems/students/bivariate_normal.h"
#include "starling/systems/students/moments.h"
#include "starling/systems/students/quadrature.h"

namespace starling::students {
namespace {

using Chain = std::array<double, 7>;

Covariance widened(const Overlap& o) {
  return {.v1 = 1 + o.q1, .c = o.c, .v2 = 1 + o.q2, .det = 1 + o.q1 + o.q2 + o.gram};
}

// E[Φ^(i)(h)] = ∂^i/∂b^i Φ(b/√v), i = 0..6, v = 1 + q.
Chain normal_chain(double v, double b) {
  Chain t{normal_distribution(b / std::sqrt(v)), normal_density(b, v)};
  for (std::size_t i = 1; i < 6; ++i) {
    t[i + 1] = -b * t[i] / v;
    if (i > 1) t[i + 1] -= static_cast<double>(i - 1) * t[i - 1] / v;
  }
  return t;
}

Moments erf_moments(const Overlap& o, double b1, double b2) {
  const Covariance s = widened(o);
  const double root1 = std::sqrt(s.v1), root2 = std::sqrt(s.v2), root = std::sqrt(s.det);
  const double both = bivariate_normal(b1 / root1, b2 / root2, s.c / (root1 * root2), root / (root1 * root2));
  const double value =
      4 * both - 2 * normal_distribution(b1 / root1) - 2 * normal_distribution(b2 / root2) + 1;
  const double first = std::erf((b2 - s.c * b1 / s.v1) * root1 / root / std::numbers::sqrt2);
  const double second = std::erf((b1 - s.c * b2 / s.v2) * root2 / root / std::numbers::sqrt2);
  return normal_tower(s, b1, b2, 4, value, 2 * normal_density(b1, s.v1) * first,
                      2 * normal_density(b2, s.v2) * second)
      .topLeftCorner<5, 5>();
}

// (h Φ)^(i) = h Φ^(i) + i Φ^(i-1), and E[h1 f] = b1 E f + q1 E ∂1 f + c E ∂2 f (Stein).
Moments gelu_moments(const Overlap& o, double b1, double b2) {
  const NormalTower t = normal_tower(widened(o), b1, b2);
  const auto first = [&](int i, int j) { return b1 * t(i, j) + o.q1 * t(i + 1, j) + o.c * t(i, j + 1); };
  const auto second = [&](int i, int j) { return b2 * t(i, j) + o.c * t(i + 1, j) + o.q2 * t(i, j + 1); };
  Moments m = Moments::Zero();
  for (int i = 0; i <= 4; ++i) {
    for (int j = 0; i + j <= 4; ++j) {
      m(i, j) = b2 * first(i, j) + o.c * (t(i, j) + first(i + 1, j)) + o.q2 * first(i, j + 1);
      if (j > 0) m(i, j) += j * first(i, j - 1);
      if (i > 0) m(i, j) += i * second(i - 1, j);
      if (i > 0 && j > 0) m(i, j) += i * j * t(i - 1, j - 1);
    }
  }
  return m;
}

// One neuron is the constant h1 = b1; the other's averages are given. At b1 = 0 the mean of both sides.
Moments relu_of_constant(double b1, const MeanMoments& other) {
  Moments m = Moments::Zero();
  const double step = b1 == 0 ? 0.5 : (b1 > 0 ? 1 : 0);
  for (int j = 0; j <= 4; ++j) m(0, j) = std::max(b1, 0.0) * other[static_cast<std::size_t>(j)];
  for (int j = 0; j <= 3; ++j) m(1, j) = step * other[static_cast<std::size_t>(j)];
  return m;
}

// σ'' is a delta: T of the covariance [[q1, c], [c, q2]] is E[1 1] and M11, the rest of M follows by Stein's
// rule.
Moments relu_from_tower(const Overlap& o, double b1, double b2, const NormalTower& t) {
  Moments m = Moments::Zero();
  m.bottomRightCorner<4, 4>() = t.topLeftCorner<4, 4>();
  m(2, 0) = b2 * m(2, 1) + o.c * m(3, 1) + o.q2 * m(2, 2);
  m(0, 2) = b1 * m(1, 2) + o.c * m(1, 3) + o.q1 * m(2, 2);
  m(1, 0) = b2 * m(1, 1) + o.c * m(2, 1) + o.q2 * m(1, 2);
  m(0, 1) = b1 * m(1, 1) + o.c * m(1, 2) + o.q1 * m(2, 1);
  m(0, 0) = b1 * m(1, 0) + o.c * m(1, 1) + o.q1 * m(2, 0);
  m(3, 0) = -(b1 * m(2, 0) + o.c * m(2, 1)) / o.q1;
  m(0, 3) = -(b2 * m(0, 2) + o.c * m(1, 2)) / o.q2;
  m(4, 0) = -(m(2, 0) + b1 * m(3, 0) + o.c * m(3, 1)) / o.q1;
  m(0, 4) = -(m(0, 2) + b2 * m(0, 3) + o.c * m(1, 3)) / o.q2;
  return m;
}

// h2 = ratio h1 with ratio > 0 (both active together) or < 0 (never): E[σ''(h1) σ(h2) x] = 0 and the averages
// of σ'σ' xx' and σ'σ' x are those of one step.
Moments relu_coincident(const Overlap& o, double b1) {
  Moments m = Moments::Zero();
  if (o.c < 0) return m;
  const double ratio = std::sqrt(o.q2 / o.q1);
  const double active = normal_distribution(b1 / std::sqrt(o.q1)), edge = normal_density(b1, o.q1);
  const double bend = -b1 / o.q1 * edge;
  m(1, 1) = active;
  m(0, 1) = b1 * active + o.q1 * edge;
  m(1, 0) = ratio * m(0, 1);
  m(0, 0) = ratio * (b1 * m(0, 1) + o.q1 * active);
  m(2, 1) = edge / 2;
  m(1, 2) = edge / (2 * ratio);
  m(3, 0) = -ratio * m(2, 1);
  m(0, 3) = -m(1, 2) / ratio;
  m(3, 1) = bend / 2;
  m(1, 3) = bend / (2 * ratio * ratio);
  m(4, 0) = -ratio * bend;
  m(0, 4) = -bend / (ratio * ratio * ratio);
  return m;
}

Moments relu_moments(const Overlap& o, double b1, double b2) {
  if (o.q1 == 0) return relu_of_constant(b1, mean_moments(Activation::relu, o.q2, b2));
  if (o.q2 == 0) return relu_of_constant(b2, mean_moments(Activation::relu, o.q1, b1)).transpose();
  const double root1 = std::sqrt(o.q1), root2 = std::sqrt(o.q2), rest = std::sqrt(o.gram) / (root1 * root2);
  constexpr double coincident = 1e-5, far = 40;
  if (rest >= coincident)
    return relu_from_tower(o, b1, b2,
                           normal_tower({.v1 = o.q1, .c = o.c, .v2 = o.q2, .det = o.gram}, b1, b2));
  const double sign = o.c < 0 ? -1 : 1, distance = b1 / root1 - sign * b2 / root2;
  if (std::abs(distance) <= far * coincident) return relu_coincident(o, b1);
  // Parallel hyperplanes apart: where one neuron bends the other is on or off.
  NormalTower t = NormalTower::Zero();
  t(0, 0) = bivariate_normal(b1 / root1, b2 / root2, sign, 0);
  t(1, 0) = b2 - o.c * b1 / o.q1 > 0 ? normal_density(b1, o.q1) : 0;
  t(0, 1) = b1 - o.c * b2 / o.q2 > 0 ? normal_density(b2, o.q2) : 0;
  t(2, 0) = -b1 / o.q1 * t(1, 0);
  t(0, 2) = -b2 / o.q2 * t(0, 1);
  return relu_from_tower(o, b1, b2, t);
}

// E[f1(h1) f2(h2)] = Σ_k c^k/k! E[f1^(k)] E[f2^(k)], which ends for polynomials.
Moments polynomial_moments(Activation activation, const Overlap& o, double b1, double b2) {
  const MeanMoments x = mean_moments(activation, o.q1, b1), y = mean_moments(activation, o.q2, b2);
  Moments m = Moments::Zero();
  for (std::size_t i = 0; i <= 4; ++i) {
    for (std::size_t j = 0; i + j <= 4; ++j) {
      double factor = 1;
      for (std::size_t k = 0; std::max(i, j) + k <= 4; ++k) {
        m(static_cast<int>(i), static_cast<int>(j)) += factor * x[i + k] * y[j + k];
        factor *= o.c / static_cast<double>(k + 1);
      }
    }
  }
  return m;
}

// sin x sin y = [cos(x - y) - cos(x + y)] / 2; a derivative, and cos, is a quarter turn.
Moments wave_moments(double turns, const Overlap& o, double b1, double b2) {
  const double half = (o.q1 + o.q2) / 2;
  const double apart = std::exp(o.c - half) / 2, together = std::exp(-o.c - half) / 2;
  Moments m;
  for (int i = 0; i <= 4; ++i) {
    for (int j = 0; j <= 4; ++j) {
      const double difference = (i - j) * std::numbers::pi / 2,
                   sum = (i + j + 2 * turns) * std::numbers::pi / 2;
      m(i, j) = apart * std::cos(b1 - b2 + difference) - together * std::cos(b1 + b2 + sum);
    }
  }
  return m;
}

MeanMoments relu_means(double q, double b) {
  if (q == 0) return {std::max(b, 0.0), b == 0 ? 0.5 : (b > 0 ? 1.0 : 0.0), 0, 0, 0};
  const double active = normal_distribution(b / std::sqrt(q)), edge = normal_density(b, q);
  const double bend = -b / q * edge;
  return {b * active + q * edge, active, edge, bend, -(edge + b * bend) / q};
}

}  // namespace

Kernel kernel_from(const Moments& m) {
  return {.value = m(0, 0),
          .d1 = m(2, 0) / 2,
          .dc = m(1, 1),
          .d2 = m(0, 2) / 2,
          .d11 = m(4, 0) / 4,
          .d12 = m(2, 2) / 4,
          .d22 = m(0, 4) / 4,
          .d1c = m(3, 1) / 2,
          .d2c = m(1, 3) / 2,
          .dcc = m(2, 2),
          .db = m(1, 0),
          .d1b = m(3, 0) / 2,
          .dcb = m(2, 1),
          .d2b = m(1, 2) / 2};
}

MeanMoments mean_moments(Activation activation, double q, double b) {
  const Chain t = normal_chain(1 + q, b);
  switch (activation) {
    case Activation::erf:
      return {std::erf(b / std::sqrt(2 * (1 + q))), 2 * t[1], 2 * t[2], 2 * t[3], 2 * t[4]};
    case Activation::phi:
      return {t[0], t[1], t[2], t[3], t[4]};
    case Activation::gelu:
      return {b * t[0] + q * t[1], b * t[1] + q * t[2] + t[0], b * t[2] + q * t[3] + 2 * t[1],
              b * t[3] + q * t[4] + 3 * t[2], b * t[4] + q * t[5] + 4 * t[3]};
    case Activation::relu:
      return relu_means(q, b);
    case Activation::linear:
      return {b, 1, 0, 0, 0};
    case Activation::quadratic:
      return {b * b + q, 2 * b, 2, 0, 0};
    case Activation::he2:
      return {b * b + q - 1, 2 * b, 2, 0, 0};
    case Activation::cubic:
      return {b * (b * b + 3 * q), 3 * (b * b + q), 6 * b, 6, 0};
    case Activation::sin:
    case Activation::cos: {
      const double f = std::exp(-q / 2), s = f * std::sin(b), c = f * std::cos(b);
      if (activation == Activation::sin) return {s, c, -s, -c, s};
      return {c, -s, -c, s, c};
    }
    case Activation::exp: {
      const double f = std::exp(b + q / 2);
      return {f, f, f, f, f};
    }
    case Activation::tanh:
    case Activation::sigmoid:
    case Activation::softplus:
    case Activation::silu:
      break;
  }
  return Expansion(activation, std::sqrt(q), b).means();
}

Moments biased_moments(Activation activation, const Overlap& pair, double b1, double b2) {
  switch (activation) {
    case Activation::erf:
      return erf_moments(pair, b1, b2);
    case Activation::phi:
      return normal_tower(widened(pair), b1, b2).topLeftCorner<5, 5>();
    case Activation::gelu:
      return gelu_moments(pair, b1, b2);
    case Activation::relu:
      return relu_moments(pair, b1, b2);
    case Activation::linear:
    case Activation::quadratic:
    case Activation::he2:
    case Activation::cubic:
      return polynomial_moments(activation, pair, b1, b2);
    case Activation::sin:
      return wave_moments(0, pair, b1, b2);
    case Activation::cos:
      return wave_moments(1, pair, b1, b2);
    case Activation::exp:
      return Moments::Constant(std::exp(b1 + b2 + (pair.q1 + pair.q2) / 2 + pair.c));
    case Activation::tanh:
    case Activation::sigmoid:
    case Activation::softplus:
    case Activation::silu:
      break;
  }
  return quadrature(activation, pair, b1, b2).moments;
}

}  // namespace starling::students
