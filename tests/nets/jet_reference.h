#pragma once
// Taylor polynomials of four variables to degree 4, term by term: slow, and nothing to hide.
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "starling/nets/jets.h"

namespace starling::nets::testing {

using Polynomial = std::map<MultiIndex, double>;

inline Polynomial times(const Polynomial& a, const Polynomial& b) {
  Polynomial product;
  for (const auto& [i, x] : a) {
    for (const auto& [j, y] : b) {
      MultiIndex sum{};
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = static_cast<std::uint8_t>(i[k] + j[k]);
      if (order_of(sum) <= highest_order) product[sum] += x * y;
    }
  }
  return product;
}

using Series = std::array<double, 6>;  // c_k = f^(k)(z) / k!

inline Series product(const Series& a, const Series& b) {
  Series out{};
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; i + j < 6; ++j) out[i + j] += a[i] * b[j];
  }
  return out;
}
inline Series integral(const Series& slope, double value) {
  Series out{value};
  for (std::size_t i = 0; i + 1 < 6; ++i) out[i + 1] = slope[i] / static_cast<double>(i + 1);
  return out;
}
// Solves y' = slope(y) term by term: each round settles one more coefficient.
template <class Slope>
Series solution(double value, Slope slope) {
  Series y{value};
  for (int round = 0; round < 6; ++round) y = integral(slope(y), value);
  return y;
}
inline Series gaussian(double z, double rate) {  // e^(-rate z²): y' = -2 rate z y
  const Series line{z, 1};
  return solution(std::exp(-rate * z * z), [&](const Series& y) {
    Series slope = product(line, y);
    for (double& c : slope) c *= -2 * rate;
    return slope;
  });
}

inline Series activation_series(JetActivation kind, double z) {
  const Series line{z, 1};
  const Series logistic = solution(1 / (1 + std::exp(-z)), [](const Series& y) {
    Series slope = product(y, y);
    for (std::size_t i = 0; i < 6; ++i) slope[i] = y[i] - slope[i];
    return slope;
  });
  switch (kind) {
    case JetActivation::tanh:
      return solution(std::tanh(z), [](const Series& y) {
        Series slope = product(y, y);
        for (double& c : slope) c = -c;
        slope[0] += 1;
        return slope;
      });
    case JetActivation::sin: {
      Series out{};
      double factorial = 1;
      for (std::size_t k = 0; k < 6; ++k) {
        if (k > 0) factorial *= static_cast<double>(k);
        out[k] = std::sin(z + static_cast<double>(k) * std::numbers::pi / 2) / factorial;
      }
      return out;
    }
    case JetActivation::softplus:
      return integral(logistic, std::log1p(std::exp(z)));
    case JetActivation::silu:
      return product(line, logistic);
    case JetActivation::gelu: {
      Series density = gaussian(z, 0.5);
      for (double& c : density) c /= std::sqrt(2 * std::numbers::pi);
      return product(line, integral(density, 0.5 * std::erfc(-z / std::numbers::sqrt2)));
    }
    case JetActivation::erf: {
      Series density = gaussian(z, 1);
      for (double& c : density) c *= 2 / std::sqrt(std::numbers::pi);
      return integral(density, std::erf(z));
    }
  }
  return {};
}

inline Polynomial activated(JetActivation kind, const Polynomial& z) {
  const MultiIndex zero{};
  const Series series = activation_series(kind, z.at(zero));
  Polynomial shift = z, power{{zero, 1.0}}, sum;
  shift[zero] = 0;
  for (std::size_t k = 0; k <= highest_order; ++k) {
    for (const auto& [index, x] : power) sum[index] += series[k] * x;
    power = times(power, shift);
  }
  return sum;
}

/// The Taylor polynomial of every output at a point.
inline std::vector<Polynomial> reference_jets(const JetNetwork& network,
                                              const std::vector<double>& parameters,
                                              const std::vector<double>& point) {
  std::vector<Polynomial> coordinates, values;
  for (std::size_t a = 0; a < point.size(); ++a) {
    MultiIndex unit{};
    unit[a] = 1;
    coordinates.push_back({{MultiIndex{}, point[a]}, {unit, 1.0}});
  }
  if (network.features.empty()) values = coordinates;
  for (const JetFeature& feature : network.features) {
    if (!feature.wave) {
      values.push_back(coordinates[static_cast<std::size_t>(feature.axis)]);
      continue;
    }
    Polynomial angle{{MultiIndex{}, feature.phase + std::numbers::pi / 2}};
    for (std::size_t a = 0; a < point.size(); ++a) {
      for (const auto& [index, x] : coordinates[a]) angle[index] += feature.frequency[a] * x;
    }
    values.push_back(activated(JetActivation::sin, angle));
  }
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    std::vector<Polynomial> next;
    for (std::ptrdiff_t o = 0; o < network.widths[static_cast<std::size_t>(l + 1)]; ++o) {
      Polynomial sum{{MultiIndex{}, parameters[static_cast<std::size_t>(network.bias(l) + o)]}};
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto at = network.weight(l) + o * static_cast<std::ptrdiff_t>(values.size()) +
                        static_cast<std::ptrdiff_t>(i);
        for (const auto& [index, x] : values[i]) sum[index] += parameters[static_cast<std::size_t>(at)] * x;
      }
      next.push_back(l + 1 < network.layers() ? activated(network.activation, sum) : sum);
    }
    values = std::move(next);
  }
  return values;
}

/// The derivative of that index from a Taylor polynomial.
inline double derivative_of(const Polynomial& polynomial, const MultiIndex& index) {
  const auto found = polynomial.find(index);
  double value = found == polynomial.end() ? 0 : found->second;
  for (const std::uint8_t times : index) value *= std::tgamma(times + 1.0);
  return value;
}

}  // namespace starling::nets::testing
