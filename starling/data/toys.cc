#include "starling/data/toys.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

#include "starling/base/error.h"

namespace starling::data {
namespace {

using Point = std::array<double, 2>;
constexpr double pi = std::numbers::pi;

Point checkerboard(base::Stream& stream) {
  const auto square = stream.below(8);
  const auto row = square / 2;
  const auto column = 2 * (square % 2) + row % 2;
  const double x = static_cast<double>(column) + stream.uniform() - 2;
  const double y = static_cast<double>(row) + stream.uniform() - 2;
  return {x, y};
}

Point swiss_roll(base::Stream& stream) {
  const double t = 1.5 * pi * (1 + 2 * stream.uniform());
  const double x = t * std::cos(t) / 5 + 0.1 * stream.normal();
  const double y = t * std::sin(t) / 5 + 0.1 * stream.normal();
  return {x, y};
}

Point moons(base::Stream& stream) {
  const bool lower = stream.below(2) == 1;
  const double angle = pi * stream.uniform();
  const double x = (lower ? 1 - std::cos(angle) : std::cos(angle)) + 0.05 * stream.normal();
  const double y = (lower ? 0.5 - std::sin(angle) : std::sin(angle)) + 0.05 * stream.normal();
  return {x, y};
}

Point eight_gaussians(base::Stream& stream) {
  const double angle = static_cast<double>(stream.below(8)) * pi / 4;
  const double x = 2 * std::cos(angle) + 0.1 * stream.normal();
  const double y = 2 * std::sin(angle) + 0.1 * stream.normal();
  return {x, y};
}

Point sample(ToySet set, base::Stream& stream) {
  switch (set) {
    case ToySet::checkerboard:
      return checkerboard(stream);
    case ToySet::swiss_roll:
      return swiss_roll(stream);
    case ToySet::moons:
      return moons(stream);
    case ToySet::eight_gaussians:
      return eight_gaussians(stream);
  }
  throw base::Error(base::ErrorKind::usage, "sample_toy: no such toy set");
}

}  // namespace

void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out) {
  if (out.cols() != 2) {
    throw base::Error(base::ErrorKind::usage, fmt::format("sample_toy: {} columns; expected 2", out.cols()));
  }
  for (base::Index i = 0; i < out.rows(); ++i) {
    const Point point = sample(set, stream);
    out(i, 0) = static_cast<float>(point[0]);
    out(i, 1) = static_cast<float>(point[1]);
  }
}

}  // namespace starling::data
