#include "starling/systems/pinn/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;
using std::numbers::pi;

double cole_hopf(double x, double t, double nu, double spacing) {
  constexpr double range = 14;
  const auto half = static_cast<int>(range / spacing);
  const double reach = std::sqrt(4 * nu * t);
  const auto exponent = [&](double z, double y) { return -z * z - std::cos(pi * y) / (2 * pi * nu); };
  double largest = -std::numeric_limits<double>::infinity();
  for (int i = -half; i <= half; ++i) {
    const double z = i * spacing;
    largest = std::max(largest, exponent(z, x - reach * z));
  }
  double above = 0, below = 0;
  for (int i = -half; i <= half; ++i) {
    const double z = i * spacing, y = x - reach * z, weight = std::exp(exponent(z, y) - largest);
    above += std::sin(pi * y) * weight;
    below += weight;
  }
  return -above / below;
}

double settled_cole_hopf(double x, double t, double nu) {
  if (t == 0) return -std::sin(pi * x);
  double value = cole_hopf(x, t, nu, 1.0 / 40);
  for (double spacing = 1.0 / 80; spacing > 1e-4; spacing /= 2) {
    const double finer = cole_hopf(x, t, nu, spacing);
    if (std::abs(finer - value) < 1e-12) return finer;
    value = finer;
  }
  throw Error(ErrorKind::numerical,
              fmt::format("burgers: the integral at x = {}, t = {} does not settle for nu = {}", x, t, nu));
}

}  // namespace

std::vector<double> burgers_reference(std::span<const double> x, std::span<const double> t, double nu) {
  if (x.size() != t.size())
    throw Error(ErrorKind::usage, fmt::format("burgers: {} x and {} t", x.size(), t.size()));
  if (!(nu >= 1e-4 && nu <= 10))
    throw Error(ErrorKind::usage, fmt::format("burgers: nu = {}; expected 1e-4 to 10", nu));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !(t[i] >= 0 && t[i] < 1e6))
      throw Error(ErrorKind::usage,
                  fmt::format("burgers: x = {}, t = {}; expected finite x and t from 0 to 1e6", x[i], t[i]));
  }
  std::vector<double> values(x.size());
  const auto run = [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      values[at] = settled_cole_hopf(x[at], t[at], nu);
    }
  };
  base::parallel_chunks(static_cast<std::ptrdiff_t>(x.size()), 64, std::cref(run));
  return values;
}

double kdv_soliton(double x, double t) {
  const double sech = 1 / std::cosh(x - 4 * t + 2);
  return 2 * sech * sech;
}

double kdv_two_solitons(double x, double t) {
  const std::array<double, 2> k{1, 1.5}, d{0, 3};
  const double share = (k[0] - k[1]) / (k[0] + k[1]);
  std::array<double, 4> exponent{}, rate{0, k[0], k[1], k[0] + k[1]};
  for (std::size_t i = 0; i < 2; ++i) exponent[i + 1] = k[i] * x - k[i] * k[i] * k[i] * t + d[i];
  exponent[3] = exponent[1] + exponent[2] + 2 * std::log(std::abs(share));
  const double largest = *std::max_element(exponent.begin(), exponent.end());
  double f = 0, slope = 0, second = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double e = std::exp(exponent[i] - largest);
    f += e;
    slope += rate[i] * e;
    second += rate[i] * rate[i] * e;
  }
  return 2 * (second * f - slope * slope) / (f * f);
}

std::array<double, 3> kovasznay(double x, double y, double reynolds) {
  const double half = reynolds / 2, rate = -4 * pi * pi / (half + std::sqrt(half * half + 4 * pi * pi)),
               e = std::exp(rate * x);
  return {1 - e * std::cos(2 * pi * y), rate / (2 * pi) * e * std::sin(2 * pi * y), (1 - e * e) / 2};
}

// 4 e^{it/2} (cosh 3x + 3 e^{4it} cosh x) / (cosh 4x + 4 cosh 2x + 3 cos 4t), both scaled by e^{-4|x|}.
std::complex<double> schroedinger_breather(double x, double t) {
  const double a = std::abs(x);
  const auto scaled_cosh = [&](double times) {
    return (std::exp((times - 4) * a) + std::exp((-times - 4) * a)) / 2;
  };
  const std::complex<double> i(0, 1);
  return 4.0 * std::exp(i * (t / 2)) * (scaled_cosh(3) + 3.0 * std::exp(i * (4 * t)) * scaled_cosh(1)) /
         (scaled_cosh(4) + 4 * scaled_cosh(2) + 3 * std::cos(4 * t) * std::exp(-4 * a));
}

}  // namespace starling::pinn
