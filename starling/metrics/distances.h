#pragma once
#include <cstdint>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::metrics {

// Two samples x (N, d) and y (M, d) of unknown laws. Pairs are streamed; the bytes do not depend on the
// number of threads. Errors: Error{usage} for widths that differ, Error{input} for an empty sample, one
// point where `unbiased` needs two, or a value that is not finite (named by row and column, from 0).

/// The squared maximum mean discrepancy with kernel exp(-r^2 / (2 bandwidth^2)): V-statistic, or U-statistic
/// when `unbiased` (which may be negative). Gretton et al., JMLR 13 (2012), equations 3 and 5.
double mmd2(const base::PointsRef<double>& x, const base::PointsRef<double>& y, double bandwidth,
            bool unbiased);

/// 2 E|X - Y| - E|X - X'| - E|Y - Y'|: V-statistic (>= 0), or U-statistic. Székely & Rizzo (2013).
double energy_distance(const base::PointsRef<double>& x, const base::PointsRef<double>& y, bool unbiased);

/// The mean over the rows of `directions` (K, d) of W_p^p between the projections, by exact quantile
/// coupling, whatever the sample sizes: W_2^2 for p = 2, W_1 for p = 1. Directions are used as given, not
/// normalised.
double sliced_wasserstein(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                          const base::PointsRef<double>& directions, int p);

/// `count` unit vectors (count, d) to slice along: equally spaced over a half turn in the plane, random from
/// `stream` elsewhere.
base::Points<double> slicing_directions(base::Index count, base::Index d, base::Stream& stream);

/// The k smallest distances of each x_i to the points of y, ascending, (N, k). Error{input} for fewer than k
/// points y.
base::Points<double> neighbour_distances(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                                         int k);

/// The distance of each x_i to its nearest y_j, (N).
base::Vector<double> nearest_distances(const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// What nearest neighbours say of model x against data y: precision and recall (Kynkäänniemi et al., 2019),
/// density and coverage (Naeem et al., 2020), with balls to the k-th neighbour, or to the last one of a
/// smaller cloud. Error{usage} unless k >= 1.
struct Manifold {
  double precision = 0;  ///< share of x inside some data ball
  double recall = 0;     ///< share of y inside some model ball
  double coverage = 0;   ///< share of data balls that hold a model point
};
Manifold manifold(const base::PointsRef<double>& x, const base::PointsRef<double>& y, int k);

/// The majority label of the k nearest of y for each x; ties go to the smaller label. Error{usage} unless
/// k >= 1 and there is a label for each of y, Error{input} for a negative one.
std::vector<std::int32_t> classify(const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                                   const std::vector<std::int32_t>& labels, int k);

}  // namespace starling::metrics
