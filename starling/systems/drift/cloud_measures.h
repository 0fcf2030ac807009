#pragma once
#include <map>
#include <string>

#include "starling/base/matrix.h"
#include "starling/systems/drift/observables.h"

namespace starling::drift {

/// Measurements of one cloud by the names of their series; docs/drift.md says what each is.
using Measures = std::map<std::string, double>;

/// The kernel that a field sees clouds through.
struct KernelView {
  bool gaussian = false;  ///< exp(-r^2 / (2 scale^2)), else exp(-r / scale)
  double scale = 1;       ///< > 0
};

/// The effective number of data points y (M, d) in a point's kernel weights, as a share of all, in (0, 1];
/// the mean over at most 256 points of x.
double seen_share(const KernelView& view, const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// What a scale of `release` is a multiple of, near enough to judge by: the mean distance of y from the
/// centre of x.
double release_unit(const base::PointsRef<double>& x, const base::PointsRef<double>& y);

/// One sentence when the kernel sees almost all data alike even at its smallest scale (flat: more than half
/// of them count) or almost none even at its largest (starved: fewer than 3 count); empty when all is well.
/// Both shares as seen_share gives them.
std::string kernel_warning(double seen_at_smallest, double seen_at_largest, base::Index data);

/// The points of x that another one sits on: no deterministic field parts them again.
double coincident(const base::PointsRef<double>& x);

/// least_occupancy and mean_inverse_occupancy of n_i = Σ_j k(x_i, x_j), in [1, N]; for a Gaussian kernel also
/// self_term, (d / h^2) mean 1/n_i.
void add_occupancy(const KernelView& view, const base::PointsRef<double>& x, Measures& out);

/// mismatch_share: |residual| / |V| of the Laplace displacement field with self interaction (decompose), in
/// the root mean square over x.
void add_mismatch(double tau, const base::PointsRef<double>& x, const base::PointsRef<double>& y,
                  Measures& out);

/// smoothed_fisher and smoothed_kl against a target that is a sum over `data` points, unless their grid would
/// take more than `most_pairs` evaluations of the kernel.
void add_smoothed_objectives(const Target& target, base::Index data, const base::PointsRef<double>& x,
                             double most_pairs, Measures& out);

}  // namespace starling::drift
