#include "starling/systems/drift/release.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/kernels/double_normalised.h"
#include "starling/systems/drift/field.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::PointsRef;

// Constants of the released trainer (lambertae/drifting, drift_loss.py).
constexpr double least_squared_distance = 1e-8, least_scale = 1e-3, self_surcharge = 100,
                 least_affinity_product = 1e-6, least_mean_square = 1e-8;

template <class T>
void check(const ReleaseSpec& spec, const PointsRef<T>& x, const PointsRef<T>& y,
           const PointsRef<T>& negatives, const base::Vector<T>& weights) {
  if (spec.temperatures.empty()) throw Error(ErrorKind::usage, "temperatures: empty; expected at least one");
  for (const double temperature : spec.temperatures) {
    FieldSpec field;
    field.scale = temperature;
    require_compatible(field, x.cols(), y.cols());
  }
  require_finite<T>(x, "x");
  require_finite<T>(y, "y");
  if (negatives.rows() == 0) return;
  require_finite<T>(negatives, "negatives");
  if (negatives.cols() != x.cols()) {
    throw Error(ErrorKind::usage,
                fmt::format("negatives have {} columns and x has {}; expected points of one dimension",
                            negatives.cols(), x.cols()));
  }
  if (weights.size() != 0 && weights.size() != negatives.rows()) {
    throw Error(ErrorKind::usage,
                fmt::format("weights: {} values for {} negatives", weights.size(), negatives.rows()));
  }
  if (weights.size() != 0 && !(weights.allFinite() && weights.minCoeff() >= 0)) {
    throw Error(ErrorKind::input, "weights: expected finite numbers that are not negative");
  }
}

}  // namespace

template <class T>
ReleaseResult<T> release_drift(const ReleaseSpec& spec, const PointsRef<T>& x, const PointsRef<T>& y,
                               const PointsRef<T>& negatives, const base::Vector<T>& weights) {
  check<T>(spec, x, y, negatives, weights);
  const Index n = x.rows(), k = negatives.rows(), m = y.rows(), d = x.cols();
  Points<T> others(k + m, d);
  if (k > 0) others.topRows(k) = negatives;
  others.bottomRows(m) = y;
  base::Vector<T> column_weights = base::Vector<T>::Ones(n + k + m);
  if (weights.size() > 0) column_weights.segment(n, k) = weights;

  const double pairs = static_cast<double>(n) * static_cast<double>(n + k + m);
  const double mean_weight = static_cast<double>(column_weights.template cast<double>().mean());
  ReleaseResult<T> result;
  result.scale = kernels::weighted_distance_sum<T>(x.data(), n, others.data(), k + m, d,
                                                   column_weights.data(), std::sqrt(least_squared_distance)) /
                 (pairs * mean_weight);
  const double unit = std::max(result.scale, least_scale);
  const double coordinate_unit = std::max(result.scale / std::sqrt(static_cast<double>(d)), least_scale);

  result.drift = Points<T>::Zero(n, d);
  Points<T> field(n, d);
  for (const double temperature : spec.temperatures) {
    kernels::AffinityRule rule;
    rule.temperature = temperature * unit;
    rule.diagonal = self_surcharge * unit;
    rule.least_distance = std::sqrt(least_squared_distance);
    rule.least_affinity = spec.affinity_floor ? std::sqrt(least_affinity_product) : 0;
    kernels::double_normalised<T>(rule, x.data(), n, others.data(), k + m, k, d, column_weights.data(),
                                  field.data());
    const double mean_square = field.template cast<double>().squaredNorm() /
                               (static_cast<double>(n * d) * coordinate_unit * coordinate_unit);
    result.mean_square_fields.push_back(mean_square);
    result.drift +=
        field * static_cast<T>(1 / (coordinate_unit * std::sqrt(std::max(mean_square, least_mean_square))));
  }
  result.loss = result.drift.template cast<double>().squaredNorm() / static_cast<double>(n * d);
  return result;
}

template ReleaseResult<float> release_drift<float>(const ReleaseSpec&, const PointsRef<float>&,
                                                   const PointsRef<float>&, const PointsRef<float>&,
                                                   const base::Vector<float>&);
template ReleaseResult<double> release_drift<double>(const ReleaseSpec&, const PointsRef<double>&,
                                                     const PointsRef<double>&, const PointsRef<double>&,
                                                     const base::Vector<double>&);

}  // namespace starling::drift
