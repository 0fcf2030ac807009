#include "starling/systems/drift/particle_monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/metrics/distances.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;

constexpr double most_quadrature_pairs = 5e8;  // a second or less; a wider grid leaves the measure out

}  // namespace

ParticleJudge::ParticleJudge(const ParticlesSpec& spec, const ParticleMethod& method)
    : spec_(spec), method_(method) {
  base::Stream slicing(static_cast<std::uint64_t>(spec.common.seed), 0, "slices");
  slices_ = metrics::slicing_directions(64, method.dimension(), slicing);
  constexpr int replicates = 5;
  for (int r = 0; r < replicates; ++r) {
    for (const auto& [name, value] : distances(looked_at(method.ideal(static_cast<std::uint64_t>(r)))))
      floors_[name] += value / replicates;
  }
}

Measures ParticleJudge::distances(const PointsRef<double>& x) const {
  return {{"energy_distance", metrics::energy_distance(x, method_.held_out(), false)},
          {"sliced_wasserstein", std::sqrt(metrics::sliced_wasserstein(x, method_.held_out(), slices_, 2))}};
}

// At one of the scales; of release that is a multiple of the mean distance.
double ParticleJudge::seen_data(const PointsRef<double>& x, double scale) const {
  const Points<double>& y = method_.data();
  if (spec_.method.kind == Method::release) scale *= release_unit(x, y);
  return seen_share({is_gaussian(spec_.method), scale}, x, y);
}

void ParticleJudge::add_kernel_measures(const Points<double>& x, std::int64_t step, Measures& out) const {
  const std::vector<double> scales = method_.scales(step);
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  out["seen_data"] = seen_data(looked_at(x), *most);
  out["seen_data_nearby"] = seen_data(looked_at(x), *least);
  if (spec_.method.kind == Method::release || !is_whole(x)) return;  // its scale is not a length
  const bool gaussian = is_gaussian(spec_.method);
  add_occupancy({gaussian, method_.scale(0, step)}, x, out);
  if (!gaussian && spec_.method.kind == Method::displacement && spec_.method.drift.self_interaction &&
      spec_.method.drift.temperatures.size() == 1)
    add_mismatch(method_.scale(0, step), x, method_.data(), out);
}

void ParticleJudge::add_objectives(const Points<double>& x, std::int64_t step, Measures& out) const {
  const MethodSpec& m = spec_.method;
  if (m.kind == Method::mmd && is_whole(x) && m.drift.temperatures.size() == 1)
    out["objective"] = metrics::mmd2(x, method_.data(), method_.scale(0, step), false) / 2;
  if (m.kind == Method::sliced)
    out["objective"] = metrics::sliced_wasserstein(x, method_.data(), method_.directions(), 2) / 2;
  if (spec_.watch.fisher && is_gaussian(m))
    add_smoothed_objectives(method_.target(step), method_.data().rows(), x, most_quadrature_pairs, out);
}

Measures ParticleJudge::measure(const Points<double>& x, const Points<double>& v, std::int64_t step) const {
  Measures out = distances(looked_at(x));
  out["centre_velocity"] = v.squaredNorm() / static_cast<double>(x.rows());
  if (is_whole(x)) out["coincident"] = coincident(x);
  if (has_kernel(spec_.method.kind)) add_kernel_measures(x, step, out);
  add_objectives(x, step, out);
  return out;
}

std::vector<std::string> ParticleJudge::warnings(const Measures& measures, bool last) const {
  std::vector<std::string> out;
  if (const auto count = measures.find("coincident"); count != measures.end() && count->second > 0) {
    out.push_back(
        fmt::format("{:.0f} particles coincide with another: no field parts them again; start wider, or "
                    "lower motion.eta",
                    count->second));
  }
  const double distance = measures.at("energy_distance") / floors_.at("energy_distance");
  if (last && distance > 3)
    out.push_back(
        fmt::format("the energy distance is {:.1f} times its floor: the law is not reached", distance));
  const auto seen = measures.find("seen_data");
  if (seen == measures.end()) return out;
  if (std::string text = kernel_warning(measures.at("seen_data_nearby"), seen->second, method_.data().rows());
      !text.empty())
    out.push_back(std::move(text));
  return out;
}

}  // namespace starling::drift
