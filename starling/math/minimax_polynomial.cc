#include "starling/math/minimax_polynomial.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <utility>

#include "starling/base/error.h"

namespace starling::math {
namespace {

using Real = boost::multiprecision::cpp_bin_float_quad;
constexpr int most_steps = 64;
constexpr double levels_an_octave = 8;

struct Quintic {
  Real a, b, c;
  Real operator()(const Real& x) const { return x * (a + x * x * (b + x * x * c)); }
};

// The quintic whose errors 1 - p at four points alternate: +E, -E, +E, -E.
Quintic alternating(const std::array<Real, 4>& points) {
  std::array<std::array<Real, 5>, 4> rows;  // a x + b x³ + c x⁵ + s E = 1
  for (std::size_t i = 0; i < 4; ++i) {
    const Real& x = points[i];
    const Real square = x * x;
    rows[i] = {x, x * square, x * square * square, i % 2 == 0 ? Real(1) : Real(-1), Real(1)};
  }
  for (std::size_t k = 0; k < 4; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < 4; ++i) {
      if (abs(rows[i][k]) > abs(rows[pivot][k])) pivot = i;
    }
    std::swap(rows[k], rows[pivot]);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i == k) continue;
      const Real factor = rows[i][k] / rows[k][k];
      for (std::size_t j = k; j < 5; ++j) rows[i][j] -= factor * rows[k][j];
    }
  }
  return {rows[0][4] / rows[0][0], rows[1][4] / rows[1][1], rows[2][4] / rows[2][2]};
}

// The quintic with the least sup |1 - p| on [l, u].
Quintic best_on(const Real& l, const Real& u) {
  const Real taylor_below =
      1e-6;  // the four points lie too close there; Newton and Schulz's limit is as good
  if (1 - l / u < taylor_below)
    return {Real(15) / 8 / u, Real(-10) / 8 / (u * u * u), Real(3) / 8 / (u * u * u * u * u)};
  Real q = l + (u - l) / 4, r = l + 3 * (u - l) / 4;
  Quintic p;
  for (int i = 0; i < 30; ++i) {
    p = alternating({l, q, r, u});
    const Real root = sqrt(9 * p.b * p.b - 20 * p.a * p.c);
    Real next_q = sqrt((-3 * p.b - root) / (10 * p.c)), next_r = sqrt((-3 * p.b + root) / (10 * p.c));
    if (next_q > next_r) std::swap(next_q, next_r);
    const Real change = abs(next_q - q) + abs(next_r - r);
    q = next_q;
    r = next_r;
    if (change < 1e-20 * u) break;  // the error changes by the square of it
  }
  return alternating({l, q, r, u});
}

MinimaxSchedule schedule(double lower, int steps, double tolerance, double cushion) {
  if (!(lower > 0 && lower <= 1)) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("minimax polynomials: lower = {}; expected 0 < lower <= 1", lower));
  }
  if (steps < 0 || steps > most_steps || !(cushion >= 0 && cushion < 1)) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("minimax polynomials: {} steps, cushion {}; expected 0 to {} steps, a "
                                  "cushion in [0, 1)",
                                  steps, cushion, most_steps));
  }
  MinimaxSchedule out{.error = 1 - lower};
  Real l = lower, u = 1;
  while (std::ssize(out.steps) < steps && out.error > tolerance) {
    Quintic p = best_on(std::max(l, Real(cushion) * u), u);
    if (cushion > 0) {
      const Real centre = 2 / (p(l) + p(u));
      p = {p.a * centre, p.b * centre, p.c * centre};
    }
    out.steps.push_back({static_cast<double>(p.a), static_cast<double>(p.b), static_cast<double>(p.c)});
    l = p(l);
    if (l > 1) l = 2 - l;
    u = 2 - l;
    out.error = static_cast<double>(1 - l);
  }
  return out;
}

}  // namespace

MinimaxSchedule minimax_schedule(double lower, int steps, double cushion) {
  return schedule(lower, steps, -1, cushion);
}

MinimaxSchedule minimax_schedule_to(double lower, double tolerance) {
  return schedule(lower, most_steps, tolerance, 0);
}

MinimaxTable::MinimaxTable(double lowest, double tolerance, int steps) : lowest_(lowest) {
  if (!(lowest > 0 && lowest <= 1)) minimax_schedule(lowest, steps);  // says what is wrong
  for (double level = 0;; ++level) {
    const double lower = std::exp2(-level / levels_an_octave);
    schedules_.push_back(steps > 0 ? minimax_schedule(lower, steps) : minimax_schedule_to(lower, tolerance));
    if (lower <= lowest) return;
  }
}

const MinimaxSchedule* MinimaxTable::find(double lower) const {
  if (!(lower >= lowest_)) return nullptr;
  const double level = std::ceil(-std::log2(std::min(lower, 1.0)) * levels_an_octave);
  return &schedules_[std::min(static_cast<std::size_t>(level), schedules_.size() - 1)];
}

}  // namespace starling::math
