#include "starling/optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace starling::optim {
namespace {

struct Point {
  double at = 0, value = 0, slope = 0;
};

// The minimum of the cubic through two points and their slopes, as a fraction of the way from `from` to `to`.
struct Cubic {
  double theta, gamma;
};
Cubic cubic(const Point& x, const Point& p, bool hold) {
  const double theta = 3 * (x.value - p.value) / (p.at - x.at) + x.slope + p.slope;
  const double scale = std::max({std::abs(theta), std::abs(x.slope), std::abs(p.slope)});
  double square = (theta / scale) * (theta / scale) - (x.slope / scale) * (p.slope / scale);
  if (hold) square = std::max(0.0, square);
  return {theta, scale * std::sqrt(square)};
}

// Moré and Thuente's safeguarded step, in their four cases: updates the interval of x (the best) and y, and
// gives the next trial.
double safeguarded_step(Point& x, Point& y, const Point& p, bool& bracketed, double least, double most) {
  const double sign = p.slope * std::copysign(1.0, x.slope);
  double next = 0;
  if (p.value > x.value) {  // 1: higher; the minimum is bracketed
    auto [theta, gamma] = cubic(x, p, false);
    if (p.at < x.at) gamma = -gamma;
    const double r = ((gamma - x.slope) + theta) / (((gamma - x.slope) + gamma) + p.slope);
    const double by_cubic = x.at + r * (p.at - x.at);
    const double by_quadratic =
        x.at + ((x.slope / ((x.value - p.value) / (p.at - x.at) + x.slope)) / 2) * (p.at - x.at);
    next = std::abs(by_cubic - x.at) < std::abs(by_quadratic - x.at)
               ? by_cubic
               : by_cubic + (by_quadratic - by_cubic) / 2;
    bracketed = true;
  } else if (sign < 0) {  // 2: lower, slopes of opposite sign; bracketed
    auto [theta, gamma] = cubic(x, p, false);
    if (p.at > x.at) gamma = -gamma;
    const double r = ((gamma - p.slope) + theta) / (((gamma - p.slope) + gamma) + x.slope);
    const double by_cubic = p.at + r * (x.at - p.at);
    const double by_secant = p.at + (p.slope / (p.slope - x.slope)) * (x.at - p.at);
    next = std::abs(by_cubic - p.at) > std::abs(by_secant - p.at) ? by_cubic : by_secant;
    bracketed = true;
  } else if (std::abs(p.slope) < std::abs(x.slope)) {  // 3: lower, the slope shrinks
    auto [theta, gamma] = cubic(x, p, true);
    if (p.at > x.at) gamma = -gamma;
    const double r = ((gamma - p.slope) + theta) / ((gamma + (x.slope - p.slope)) + gamma);
    const double by_cubic = r < 0 && gamma != 0 ? p.at + r * (x.at - p.at) : p.at > x.at ? most : least;
    const double by_secant = p.at + (p.slope / (p.slope - x.slope)) * (x.at - p.at);
    const bool cubic_is_nearer = std::abs(by_cubic - p.at) < std::abs(by_secant - p.at);
    if (bracketed) {
      next = cubic_is_nearer ? by_cubic : by_secant;
      const double limit = p.at + 0.66 * (y.at - p.at);
      next = p.at > x.at ? std::min(limit, next) : std::max(limit, next);
    } else {
      next = std::clamp(cubic_is_nearer ? by_secant : by_cubic, least, most);
    }
  } else if (bracketed) {  // 4: lower, the slope does not shrink
    auto [theta, gamma] = cubic(y, p, false);
    if (p.at > y.at) gamma = -gamma;
    const double r = ((gamma - p.slope) + theta) / (((gamma - p.slope) + gamma) + y.slope);
    next = p.at + r * (y.at - p.at);
  } else {
    next = p.at > x.at ? most : least;
  }
  if (p.value > x.value) {
    y = p;
  } else {
    if (sign < 0) y = x;
    x = p;
  }
  return next;
}

// The same on φ less its line of sufficient decrease, while no step satisfies the first condition.
double modified_step(Point& x, Point& y, const Point& p, double line, bool& bracketed, double least,
                     double most) {
  const auto less = [&](Point q) { return Point{q.at, q.value - q.at * line, q.slope - line}; };
  const auto more = [&](Point q) { return Point{q.at, q.value + q.at * line, q.slope + line}; };
  Point mx = less(x), my = less(y);
  const double next = safeguarded_step(mx, my, less(p), bracketed, least, most);
  x = more(mx);
  y = more(my);
  return next;
}

// The minimum of the cubic through a with slope c, b and another point.
std::optional<double> cubic_minimum(const Point& a, double b, double fb, double c, double fc) {
  const double db = b - a.at, dc = c - a.at, denominator = (db * dc) * (db * dc) * (db - dc);
  const double ub = fb - a.value - a.slope * db, uc = fc - a.value - a.slope * dc;
  const double p = (dc * dc * ub - db * db * uc) / denominator,
               q = (-dc * dc * dc * ub + db * db * db * uc) / denominator;
  const double at = a.at + (-q + std::sqrt(q * q - 3 * p * a.slope)) / (3 * p);
  return std::isfinite(at) ? std::optional(at) : std::nullopt;
}
std::optional<double> quadratic_minimum(const Point& a, double b, double fb) {
  const double width = b - a.at, curvature = (fb - a.value - a.slope * width) / (width * width);
  const double at = a.at - a.slope / (2 * curvature);
  return std::isfinite(at) ? std::optional(at) : std::nullopt;
}

// Algorithm 3.6: shrinks an interval that holds a good step.
LineStep zoom(const std::function<Along(double)>& phi, const Along& start, Point low, double high,
              double high_value, const WolfeSpec& spec) {
  double last = 0, last_value = start.value;
  for (int i = 0; i <= 10; ++i) {
    const double width = high - low.at, a = std::min(low.at, high), b = std::max(low.at, high);
    std::optional<double> trial;
    const double margin = 0.2 * width, narrow = 0.1 * width;
    if (i > 0) trial = cubic_minimum(low, high, high_value, last, last_value);
    if (!trial || *trial > b - margin || *trial < a + margin) {
      trial = quadratic_minimum(low, high, high_value);
      if (!trial || *trial > b - narrow || *trial < a + narrow) trial = low.at + 0.5 * width;
    }
    const double at = *trial;
    const Along here = phi(at);
    if (here.value > start.value + spec.sufficient * at * start.slope || here.value >= low.value ||
        !std::isfinite(here.value)) {
      last_value = high_value;
      last = high;
      high = at;
      high_value = here.value;
      continue;
    }
    if (std::abs(here.slope) <= -spec.curvature * start.slope) return {at, here};
    if (here.slope * width >= 0) {
      last_value = high_value;
      last = high;
      high = low.at;
      high_value = low.value;
    } else {
      last_value = low.value;
      last = low.at;
    }
    low = {at, here.value, here.slope};
  }
  return {};
}

}  // namespace

LineStep more_thuente(const std::function<Along(double)>& phi, const Along& start, double first,
                      const WolfeSpec& spec) {
  constexpr double shortest = 1e-100, longest = 1e100, relative = 1e-14;
  constexpr int most_evaluations = 100;
  if (!(start.slope < 0)) return {};
  const double line = spec.sufficient * start.slope;
  Point x{0, start.value, start.slope}, y = x;
  bool bracketed = false, first_stage = true;
  double width = longest - shortest, former_width = 2 * width, least = 0, most = 5 * first, at = first;
  for (int i = 0; i < most_evaluations; ++i) {
    const Along here = phi(at);
    if (!std::isfinite(here.value) || !std::isfinite(here.slope)) return {};
    const double allowed = start.value + at * line;
    if (first_stage && here.value <= allowed &&
        here.slope >= std::min(spec.sufficient, spec.curvature) * start.slope)
      first_stage = false;
    const bool stuck = bracketed && (at <= least || at >= most || most - least <= relative * most);
    const bool at_end = (at >= longest && here.value <= allowed && here.slope <= line) ||
                        (at <= shortest && (here.value > allowed || here.slope >= line));
    const bool good = here.value <= allowed && std::abs(here.slope) <= -spec.curvature * start.slope;
    if (good) return {at, here};
    if (stuck || at_end) return {};
    const Point p{at, here.value, here.slope};
    const bool modified = first_stage && here.value <= x.value && here.value > allowed;
    at = modified ? modified_step(x, y, p, line, bracketed, least, most)
                  : safeguarded_step(x, y, p, bracketed, least, most);
    if (bracketed) {
      if (std::abs(y.at - x.at) >= 0.66 * former_width) at = x.at + 0.5 * (y.at - x.at);
      former_width = width;
      width = std::abs(y.at - x.at);
      least = std::min(x.at, y.at);
      most = std::max(x.at, y.at);
    } else {
      least = at + 1.1 * (at - x.at);
      most = at + 4 * (at - x.at);
    }
    at = std::clamp(at, shortest, longest);
    if (bracketed && (at <= least || at >= most || most - least <= relative * most)) at = x.at;
  }
  return {};
}

LineStep bracket_search(const std::function<Along(double)>& phi, const Along& start, double first,
                        const WolfeSpec& spec) {
  if (!(start.slope < 0)) return {};
  Point before{0, start.value, start.slope};
  double at = first;
  for (int i = 0; i < 10; ++i) {
    const Along here = phi(at);
    if (!std::isfinite(here.value)) return {};
    if (here.value > start.value + spec.sufficient * at * start.slope ||
        (i > 0 && here.value >= before.value))
      return zoom(phi, start, before, at, here.value, spec);
    if (std::abs(here.slope) <= -spec.curvature * start.slope) return {at, here};
    if (here.slope >= 0) return zoom(phi, start, {at, here.value, here.slope}, before.at, before.value, spec);
    before = {at, here.value, here.slope};
    at *= 2;
  }
  return {};
}

LineStep wolfe_search(const std::function<Along(double)>& phi, const Along& start, double first,
                      const WolfeSpec& spec) {
  const LineStep found = more_thuente(phi, start, first, spec);
  return found.length > 0 ? found : bracket_search(phi, start, first, spec);
}

}  // namespace starling::optim
