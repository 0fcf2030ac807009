#include "starling/systems/students/quadrature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/students/bivariate_normal.h"

namespace starling::students {
namespace {

using base::ErrorKind;

constexpr int terms = 128;

// The logistic function and its first four derivatives, without cancellation in the tails.
Jet logistic(double h) {
  const double e = std::exp(-std::abs(h)), slope = e / ((1 + e) * (1 + e)), t = -std::tanh(h / 2);
  Jet out;
  out << (h < 0 ? e : 1) / (1 + e), slope, slope * t, slope * (1 - 6 * slope), slope * t * (1 - 12 * slope);
  return out;
}

// z = centre + λ sinh t.
struct Map {
  double centre, scale;

  // For functions of z that bend within 1/steepness around `bend`.
  static Map around(double bend, double steepness, double reach) {
    constexpr double widest = 4;
    const bool inside = steepness > 1 && std::abs(bend) < reach;
    return {inside ? bend : 0, std::min(widest, 2 / std::max(steepness, 0.5))};
  }
};

// Calls f(z, weight, z - centre) for the nodes of the standard normal within |z| <= reach.
template <class F>
void for_each_node(const Map& map, double reach, double step, F f) {
  const double from = std::asinh((-reach - map.centre) / map.scale),
               to = std::asinh((reach - map.centre) / map.scale);
  const double last = std::floor(to / step);
  for (double k = std::ceil(from / step); k <= last; ++k) {
    const double rise = std::sinh(k * step), z = map.centre + map.scale * rise;
    f(z, step * map.scale * std::sqrt(1 + rise * rise) * normal_density(z, 1), map.scale * rise);
  }
}

double relative(double difference, double square1, double square2) {
  if (difference == 0) return 0;
  return std::abs(difference) / (std::sqrt(square1) * std::sqrt(square2));
}

double disagreement(const Moments& x, const Moments& y, const Moments& own1, const Moments& own2) {
  double worst = 0;
  for (int i = 0; i <= 4; ++i) {
    for (int j = 0; i + j <= 4; ++j) {
      const double here = relative(x(i, j) - y(i, j), own1(i, i), own2(j, j));
      worst = here <= worst ? worst : here;  // a NaN stays
    }
  }
  return worst;
}

// E[σ^(j)(mean + deviation y)] for a standard normal y.
Jet smoothed(Activation activation, double mean, double deviation, double step) {
  constexpr double reach = 8.5;
  if (deviation == 0) return jet(activation, mean);
  Jet sum = Jet::Zero();
  for_each_node(
      Map::around(-mean / deviation, deviation, reach), reach, step,
      [&](double y, double weight, double) { sum += weight * jet(activation, mean + deviation * y); });
  return sum;
}

// h1 outside; h2 given h1 is normal with mean b2 + r2 ρ z and deviation r2 √(1 - ρ²).
Moments nested(const Expansion& first, const Expansion& second, double rho, double rest, double step) {
  constexpr double reach = 8.5;
  const double slope = second.length() * rho, deviation = second.length() * rest;
  const double steep = std::abs(slope) / std::max(1.0, deviation);
  const bool outer = first.length() >= steep;
  const double bend = outer ? -first.bias() / first.length() : -second.bias() / slope;
  Moments sum = Moments::Zero();
  for_each_node(Map::around(bend, outer ? first.length() : steep, reach), reach, step,
                [&](double z, double weight, double) {
                  const Jet inner = smoothed(second.activation(), second.bias() + slope * z, deviation, step);
                  sum +=
                      weight * jet(first.activation(), first.bias() + first.length() * z) * inner.transpose();
                });
  return sum;
}

// The fewest terms whose rest is below the tolerance, and that rest; all terms where none are enough.
struct Cut {
  int count;
  double error;
};
Cut cut(const Expansion& first, const Expansion& second, double rho, double tolerance) {
  double error = 0;
  for (int p = 1; p <= terms; p = p < 8 ? p + 1 : p + 8) {
    error = 0;
    const double power = std::pow(std::abs(rho), p);
    for (int i = 0; i <= 4; ++i) {
      for (int j = 0; i + j <= 4; ++j)
        error = std::max(error, power * first.remainder()(i, p) * second.remainder()(j, p));
    }
    if (error <= tolerance) return {p, error};
  }
  return {terms, error};
}

Averages by_nested_rules(const Expansion& first, const Expansion& second, double rho, double rest,
                         double tolerance) {
  constexpr double finest = 1.0 / 128;
  double step = 0.25, error = 0;
  Moments before = nested(first, second, rho, rest, step);
  while (step > finest) {
    step /= 2;
    const Moments now = nested(first, second, rho, rest, step);
    error = disagreement(now, before, first.own(), second.own());
    if (error <= tolerance) return {now, error};
    before = now;
  }
  throw base::Error(
      ErrorKind::numerical,
      fmt::format("quadrature: neurons with |w| = {:.6g}, bias {:.6g} and |w| = {:.6g}, bias {:.6g}, "
                  "correlation {:.12g}, reach an accuracy of {:.1e}; expected {:.1e}",
                  first.length(), first.bias(), second.length(), second.bias(), rho, error, tolerance));
}

}  // namespace

Jet jet(Activation activation, double h) {
  Jet out;
  if (activation == Activation::tanh) {
    const Jet s = logistic(2 * h);
    out << std::tanh(h), 4 * s[1], 8 * s[2], 16 * s[3], 32 * s[4];
    return out;
  }
  const Jet s = logistic(h);
  if (activation == Activation::softplus) {
    out << std::max(h, 0.0) + std::log1p(std::exp(-std::abs(h))), s[0], s[1], s[2], s[3];
  } else if (activation == Activation::silu) {
    out << h * s[0], h * s[1] + s[0], h * s[2] + 2 * s[1], h * s[3] + 3 * s[2], h * s[4] + 4 * s[3];
  } else {
    out = s;
  }
  return out;
}

Expansion::Expansion(Activation activation, double r, double b, double tolerance)
    : activation_(activation), r_(r < 1e-150 ? 0 : r), b_(b) {  // the squares of shorter weights underflow
  constexpr double finest = 1.0 / 256;
  double step = 1.0 / 16;
  integrate(step);
  while (step > finest) {
    const Moments before = own_;
    const auto coefficients = coefficients_;
    step /= 2;
    integrate(step);
    error_ = 0;
    for (int i = 0; i <= 4; ++i) {
      const double here =
          relative((coefficients.row(i) - coefficients_.row(i)).cwiseAbs().maxCoeff(), own_(i, i), 1);
      error_ = here <= error_ ? error_ : here;
    }
    const double self = disagreement(own_, before, own_, own_);
    error_ = self <= error_ ? error_ : self;
    if (error_ <= tolerance) break;
  }
  if (!(error_ <= tolerance)) {
    throw base::Error(
        ErrorKind::numerical,
        fmt::format("quadrature: a neuron with |w| = {:.6g} and bias {:.6g} reaches an accuracy of "
                    "{:.1e}; expected {:.1e}",
                    r, b, error_, tolerance));
  }
  weigh_remainders();
}

void Expansion::integrate(double step) {
  constexpr double reach = 12.5;  // as far as He_128 times the normal density stands above rounding
  const Map map = Map::around(r_ > 0 ? -b_ / r_ : 0, r_, reach);
  std::vector<double> nodes, weights, inputs;
  const double middle = map.centre != 0 ? 0 : b_;  // b + r centre, which cancels but for rounding
  for_each_node(map, reach, step, [&](double z, double weight, double offset) {
    nodes.push_back(z);
    weights.push_back(weight);
    inputs.push_back(middle + r_ * offset);
  });
  const auto count = static_cast<Eigen::Index>(nodes.size());
  const Eigen::Map<const Eigen::ArrayXd> z(nodes.data(), count), weight(weights.data(), count);
  Eigen::Matrix<double, 5, Eigen::Dynamic> values(5, count);
  for (Eigen::Index k = 0; k < count; ++k)
    values.col(k) = jet(activation_, inputs[static_cast<std::size_t>(k)]);
  own_ = values * weight.matrix().asDiagonal() * values.transpose();
  coefficients_.resize(5, terms);
  Eigen::ArrayXd before = Eigen::ArrayXd::Zero(count), now = weight, next(count);
  for (int p = 0; p < terms; ++p) {  // √(p + 1) he_(p+1) = z he_p - √p he_(p-1)
    coefficients_.col(p).noalias() = values * now.matrix();
    next = (z * now - std::sqrt(static_cast<double>(p)) * before) / std::sqrt(static_cast<double>(p + 1));
    before.swap(now);
    now.swap(next);
  }
}

void Expansion::weigh_remainders() {
  constexpr double rounding = 1e-15;
  remainder_.resize(5, terms + 1);
  for (int i = 0; i <= 4; ++i) {
    double left = own_(i, i);
    for (int p = 0; p <= terms; ++p) {
      remainder_(i, p) = own_(i, i) > 0 ? std::sqrt(std::max(left / own_(i, i), rounding)) : 0;
      if (p < terms) left -= coefficients_(i, p) * coefficients_(i, p);
    }
  }
}

MeanMoments Expansion::means() const {
  MeanMoments out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = coefficients_(static_cast<Eigen::Index>(i), 0);
  return out;
}

Averages self_averages(const Expansion& neuron) {
  return {neuron.own(), neuron.error()};
}

Averages pair_averages(const Expansion& first, const Expansion& second, const Overlap& pair,
                       double tolerance) {
  const double lengths = first.length() * second.length();
  const double rho = lengths > 0 ? std::clamp(pair.c / lengths, -1.0, 1.0) : 0;
  const double rest = lengths > 0 ? std::min(1.0, std::sqrt(pair.gram) / lengths) : 1;
  const Cut used = cut(first, second, rho, tolerance / 2);
  if (used.error > tolerance / 2) return by_nested_rules(first, second, rho, rest, tolerance);
  Eigen::VectorXd powers(used.count);
  double power = 1;
  for (int p = 0; p < used.count; ++p, power *= rho) powers[p] = power;
  const Moments moments = first.coefficients().leftCols(used.count) * powers.asDiagonal() *
                          second.coefficients().leftCols(used.count).transpose();
  return {moments, used.error + first.error() + second.error()};
}

Averages quadrature(Activation activation, const Overlap& pair, double b1, double b2, double tolerance) {
  if (!std::isfinite(pair.q1 + pair.q2 + pair.gram + b1 + b2)) {
    throw base::Error(
        ErrorKind::numerical,
        fmt::format("quadrature: |w|² = {:.6g} and {:.6g} with biases {:.6g} and {:.6g} overflow", pair.q1,
                    pair.q2, b1, b2));
  }
  const Expansion first(activation, std::sqrt(pair.q1), b1, tolerance);
  if (pair.q1 == pair.q2 && pair.c == pair.q1 && b1 == b2) return self_averages(first);
  return pair_averages(first, Expansion(activation, std::sqrt(pair.q2), b2, tolerance), pair, tolerance);
}

}  // namespace starling::students
