#include "starling/systems/drift/cloud_measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/kernels/mean_shift.h"
#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;

constexpr double measured_nodes_per_bandwidth = 3;  // of the quadratures: six digits, enough to draw

}  // namespace

double seen_share(const KernelView& view, const PointsRef<double>& x, const PointsRef<double>& y) {
  const Index rows = std::min<Index>(x.rows(), 256);
  double total = 0;
  for (Index i = 0; i < rows; ++i) {
    const Eigen::ArrayXd r = (y.rowwise() - x.row(i)).rowwise().norm();
    Eigen::ArrayXd exponents = r / view.scale;
    if (view.gaussian) exponents = exponents.square() / 2;
    const Eigen::ArrayXd weights = (exponents.minCoeff() - exponents).exp();
    total += math::effective_sample_size({weights.data(), static_cast<std::size_t>(weights.size())});
  }
  return total / static_cast<double>(rows * y.rows());
}

double release_unit(const PointsRef<double>& x, const PointsRef<double>& y) {
  return (y.rowwise() - x.colwise().mean()).rowwise().norm().mean();
}

std::string kernel_warning(double seen_at_smallest, double seen_at_largest, Index data) {
  const double all = static_cast<double>(data), effective = seen_at_largest * all;
  if (seen_at_smallest > 0.5) {
    return fmt::format(
        "the kernel is flat: even at the smallest scale a point weighs {:.0f} of {:.0f} data points alike "
        "and "
        "feels little more than their mean; lower field.temperatures or drift in fewer dimensions",
        seen_at_smallest * all, all);
  }
  if (effective < 3 && data >= 16) {
    return fmt::format(
        "the kernel is starved: a point sees {:.1f} of {:.0f} data points even at the largest scale, and far "
        "modes exert no pull; raise field.temperatures or anneal",
        effective, all);
  }
  return {};
}

double coincident(const PointsRef<double>& x) {
  const Points<double> near = metrics::neighbour_distances(x, x, 2);
  const double spread = (x.rowwise() - x.colwise().mean()).norm() / std::sqrt(static_cast<double>(x.rows()));
  return static_cast<double>((near.col(1).array() <= 1e-12 * spread).count());
}

void add_occupancy(const KernelView& view, const PointsRef<double>& x, Measures& out) {
  Points<double> shift(x.rows(), x.cols());
  Vector<double> log_mass(x.rows());
  kernels::mean_shift<double>(view.gaussian ? kernels::Radial::gaussian : kernels::Radial::laplace,
                              view.scale, kernels::SelfPair::included, x.data(), x.rows(), x.data(), x.rows(),
                              x.cols(), shift.data(), log_mass.data());
  const Eigen::ArrayXd n = log_mass.array().exp();
  out["least_occupancy"] = n.minCoeff();
  out["mean_inverse_occupancy"] = n.inverse().mean();
  if (view.gaussian) {
    out["self_term"] =
        static_cast<double>(x.cols()) / (view.scale * view.scale) * out["mean_inverse_occupancy"];
  }
}

void add_mismatch(double tau, const PointsRef<double>& x, const PointsRef<double>& y, Measures& out) {
  const Decomposition parts = decompose(x, x, y, tau);
  const double whole = (parts.sharp + parts.residual).norm();
  out["mismatch_share"] = whole > 0 ? parts.residual.norm() / whole : 0;
}

void add_smoothed_objectives(const Target& target, Index data, const PointsRef<double>& x, double most_pairs,
                             Measures& out) {
  const double sources = static_cast<double>(x.rows() + data);
  if (grid_nodes(x, target.bandwidth(), grid_margin, measured_nodes_per_bandwidth) * sources > most_pairs)
    return;
  out["smoothed_fisher"] = smoothed_fisher(x, target, measured_nodes_per_bandwidth);
  out["smoothed_kl"] = smoothed_kl(x, target, measured_nodes_per_bandwidth);
}

}  // namespace starling::drift
