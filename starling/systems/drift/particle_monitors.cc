#include "starling/systems/drift/particle_monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;

constexpr double nodes_per_bandwidth = 3;      // of the quadrature: six digits, enough to draw
constexpr double most_quadrature_pairs = 5e8;  // a second or less; a wider grid leaves the measure out

// Particles that another one sits on: no deterministic field parts them again.
double coincident(const PointsRef<double>& x) {
  const Points<double> near = metrics::neighbour_distances(x, x, 2);
  const double spread = (x.rowwise() - x.colwise().mean()).norm() / std::sqrt(static_cast<double>(x.rows()));
  return static_cast<double>((near.col(1).array() <= 1e-12 * spread).count());
}

}  // namespace

ParticleJudge::ParticleJudge(const ParticlesSpec& spec, const ParticleMethod& method)
    : spec_(spec), method_(method) {
  base::Stream slicing(static_cast<std::uint64_t>(spec.common.seed), 0, "slices");
  slices_ = metrics::slicing_directions(64, method.dimension(), slicing);
  constexpr int replicates = 5;
  for (int r = 0; r < replicates; ++r) {
    for (const auto& [name, value] : distances(method.ideal(static_cast<std::uint64_t>(r))))
      floors_[name] += value / replicates;
  }
}

Measures ParticleJudge::distances(const PointsRef<double>& x) const {
  return {{"energy_distance", metrics::energy_distance(x, method_.held_out(), false)},
          {"sliced_wasserstein", std::sqrt(metrics::sliced_wasserstein(x, method_.held_out(), slices_, 2))}};
}

// The effective number of data points in a particle's kernel weights, as a share of all; the mean over at
// most 256.
double ParticleJudge::seen_data(const Points<double>& x, std::int64_t step) const {
  const Points<double>& y = method_.data();
  const Index rows = std::min<Index>(x.rows(), 256);
  double scale = method_.largest_scale(step);
  if (spec_.method.kind == Method::release)
    scale *= (y.rowwise() - x.colwise().mean()).rowwise().norm().mean();
  double total = 0;
  for (Index i = 0; i < rows; ++i) {
    const Eigen::ArrayXd r = (y.rowwise() - x.row(i)).rowwise().norm();
    Eigen::ArrayXd exponents = r / scale;
    if (is_gaussian(spec_.method)) exponents = exponents.square() / 2;
    const Eigen::ArrayXd weights = (exponents.minCoeff() - exponents).exp();
    total += math::effective_sample_size({weights.data(), static_cast<std::size_t>(weights.size())});
  }
  return total / static_cast<double>(rows * y.rows());
}

void ParticleJudge::add_kernel_measures(const Points<double>& x, std::int64_t step, Measures& out) const {
  out["seen_data"] = seen_data(x, step);
  if (spec_.method.kind == Method::release) return;  // its scale is not a length
  const bool gaussian = is_gaussian(spec_.method);
  const double scale = method_.scale(0, step);
  const Vector<double> n = occupancy(x, gaussian ? Kernel::gaussian : Kernel::laplace, scale);
  out["least_occupancy"] = n.minCoeff();
  out["mean_inverse_occupancy"] = n.cwiseInverse().mean();
  if (gaussian) {
    out["self_term"] = static_cast<double>(x.cols()) / (scale * scale) * out["mean_inverse_occupancy"];
  } else if (spec_.method.kind == Method::displacement && spec_.method.drift.self_interaction &&
             spec_.method.drift.temperatures.size() == 1) {
    const Decomposition parts = decompose(x, x, method_.data(), scale);
    const double whole = (parts.sharp + parts.residual).norm();
    out["mismatch_share"] = whole > 0 ? parts.residual.norm() / whole : 0;
  }
}

void ParticleJudge::add_objectives(const Points<double>& x, std::int64_t step, Measures& out) const {
  const MethodSpec& m = spec_.method;
  if (m.kind == Method::mmd && m.drift.temperatures.size() == 1)
    out["objective"] = metrics::mmd2(x, method_.data(), method_.scale(0, step), false) / 2;
  if (m.kind == Method::sliced)
    out["objective"] = metrics::sliced_wasserstein(x, method_.data(), method_.directions(), 2) / 2;
  if (!spec_.watch.fisher || !is_gaussian(m)) return;
  const double h = method_.scale(0, step);
  const double sources = static_cast<double>(x.rows() + method_.data().rows());
  if (grid_nodes(x, h, grid_margin, nodes_per_bandwidth) * sources > most_quadrature_pairs) return;
  const Target target = method_.target(step);
  out["smoothed_fisher"] = smoothed_fisher(x, target, nodes_per_bandwidth);
  out["smoothed_kl"] = smoothed_kl(x, target, nodes_per_bandwidth);
}

Measures ParticleJudge::measure(const Points<double>& x, const Points<double>& v, std::int64_t step) const {
  Measures out = distances(x);
  out["centre_velocity"] = v.squaredNorm() / static_cast<double>(x.rows());
  out["coincident"] = coincident(x);
  if (has_kernel(spec_.method.kind)) add_kernel_measures(x, step, out);
  add_objectives(x, step, out);
  return out;
}

std::vector<std::string> ParticleJudge::warnings(const Measures& measures, bool last) const {
  std::vector<std::string> out;
  if (const double count = measures.at("coincident"); count > 0) {
    out.push_back(
        fmt::format("{:.0f} particles coincide with another: no field parts them again; start wider, or "
                    "lower motion.eta",
                    count));
  }
  const double distance = measures.at("energy_distance") / floors_.at("energy_distance");
  if (last && distance > 3)
    out.push_back(
        fmt::format("the energy distance is {:.1f} times its floor: the law is not reached", distance));
  const auto seen = measures.find("seen_data");
  if (seen == measures.end()) return out;
  const double all = static_cast<double>(method_.data().rows()), effective = seen->second * all;
  if (seen->second > 0.5) {
    out.push_back(
        fmt::format("the kernel is flat: a particle weighs {:.0f} of {:.0f} data points alike and feels "
                    "little more than their mean; lower field.temperatures",
                    effective, all));
  } else if (effective < 3 && all >= 16) {
    out.push_back(
        fmt::format("the kernel is starved: a particle sees {:.1f} of {:.0f} data points even at the largest "
                    "scale; raise field.temperatures or anneal",
                    effective, all));
  }
  return out;
}

}  // namespace starling::drift
