#include "starling/systems/drift/bandwidth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/error.h"
#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::PointsRef;

constexpr Index most_points = 2000;

// At most `most_points` rows, evenly spaced: no random choice, so that the length is a function of the data
// alone.
Points<double> spaced(const PointsRef<double>& y) {
  const Index n = std::min(y.rows(), most_points);
  Points<double> out(n, y.cols());
  for (Index i = 0; i < n; ++i) out.row(i) = y.row(i * y.rows() / n);
  return out;
}

double median_distance(const PointsRef<double>& y) {
  const Points<double> some = spaced(y);
  std::vector<double> distances;
  distances.reserve(static_cast<std::size_t>(some.rows() * (some.rows() - 1) / 2));
  for (Index i = 0; i < some.rows(); ++i) {
    for (Index j = 0; j < i; ++j) distances.push_back((some.row(i) - some.row(j)).norm());
  }
  return math::quantile(distances, 0.5);
}

double neighbour_distance(const PointsRef<double>& y, std::int64_t k) {
  // A point is its own nearest: one neighbour more, and the first dropped.
  const Points<double> near = metrics::neighbour_distances(spaced(y), y, static_cast<int>(k) + 1);
  const base::Vector<double> means = near.rightCols(static_cast<Index>(k)).rowwise().mean();
  const std::vector<double> values(means.begin(), means.end());
  const double low = math::quantile(values, 0.05), high = math::quantile(values, 0.95);
  return means.cwiseMax(low).cwiseMin(high).mean();
}

}  // namespace

double bandwidth_length(const BandwidthSpec& spec, const PointsRef<double>& y, std::int64_t particles) {
  if (spec.rule == BandwidthRule::fixed) return 1;
  if (spec.rule == BandwidthRule::rate)
    return std::pow(static_cast<double>(particles), -1 / (static_cast<double>(y.cols()) + 4));
  const bool median = spec.rule == BandwidthRule::median;
  const Index needed = median ? 2 : static_cast<Index>(spec.neighbours) + 1;
  if (y.rows() < needed) {
    throw Error(ErrorKind::input,
                fmt::format("field.rule: \"{}\" needs at least {} data points; there are {}",
                            median ? "median" : "neighbours", needed, y.rows()));
  }
  const double length = median ? median_distance(y) : neighbour_distance(y, spec.neighbours);
  if (length > 0) return length;
  throw Error(
      ErrorKind::input,
      fmt::format("field.rule: \"{}\" gives the length 0, because most data points coincide; use \"fixed\" "
                  "with scales in field.temperatures",
                  median ? "median" : "neighbours"));
}

}  // namespace starling::drift
