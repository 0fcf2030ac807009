#include "starling/data/toys.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::data {

void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out) {
  if (out.cols() != 2) {
    throw base::Error(base::ErrorKind::usage, fmt::format("a toy set has 2 columns, not {}", out.cols()));
  }
  if (out.rows() == 0) return;
  constexpr double pi = std::numbers::pi;
  base::Points<double> points(out.rows(), 2);
  for (base::Index i = 0; i < out.rows(); ++i) {
    double x = 0, y = 0;
    switch (set) {
      case ToySet::checkerboard: {
        // Two colours of squares: both coordinates share their parity. [-1, 1]^2 holds sixteen squares, eight of them full.
        const double parity = static_cast<double>(stream.below(2));
        const double column = 2 * static_cast<double>(stream.below(2)) + parity;
        const double row = 2 * static_cast<double>(stream.below(2)) + parity;
        x = (column + stream.uniform() - 2) / 2;
        y = (row + stream.uniform() - 2) / 2;
        break;
      }
      case ToySet::swiss_roll: {
        const double t = 0.5 * pi + 4 * pi * stream.uniform();
        x = t * std::cos(t);
        y = t * std::sin(t);
        break;
      }
      case ToySet::moons: {
        const double t = pi * stream.uniform();
        const bool upper = stream.below(2) == 0;
        x = upper ? std::cos(t) - 0.5 : 0.5 - std::cos(t);
        y = upper ? std::sin(t) - 0.25 : 0.25 - std::sin(t);
        break;
      }
      case ToySet::eight_gaussians: {
        const double angle = pi / 4 * static_cast<double>(stream.below(8));
        x = std::cos(angle);
        y = std::sin(angle);
        break;
      }
    }
    points(i, 0) = x;
    points(i, 1) = y;
  }
  if (set == ToySet::swiss_roll) points /= points.cwiseAbs().maxCoeff() + 1e-8;
  const double noise = set == ToySet::swiss_roll ? 0.03 : 0.05;
  for (base::Index i = 0; i < points.size(); ++i) points.data()[i] += noise * stream.normal();
  out = points.cast<float>();
}

}  // namespace starling::data
