#include "starling/systems/drift/judge.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

constexpr int neighbours = 5;

}  // namespace

Judge::Judge(const Spec& spec, const Problem& problem)
    : problem_(problem),
      endless_(spec.data.source != Source::file),
      seed_(static_cast<std::uint64_t>(spec.common.seed)),
      held_out_(problem.held_out().cast<double>()),
      training_(problem.training().cast<double>()) {
  base::Stream slicing(seed_, 0, "slices");
  slices_ = metrics::slicing_directions(64, problem.dimension(), slicing);
  if (!endless_) held_out_distance_ = median_distance(held_out_);
}

Points<double> Judge::fresh(const char* purpose, std::int64_t r) const {
  base::Stream stream(seed_, 0, purpose, static_cast<std::uint64_t>(r));
  Points<float> out(held_out_.rows(), held_out_.cols());
  problem_.draw_any(stream, out);
  return out.cast<double>();
}

Distances Judge::compare(const Points<double>& x, const Points<double>& data) const {
  const metrics::Manifold m = metrics::manifold(x, data, neighbours);
  const double bandwidth = std::sqrt(static_cast<double>(problem_.dimension())) / 4;
  return {{"energy_distance", metrics::energy_distance(x, data, false)},
          {"sliced_wasserstein", std::sqrt(metrics::sliced_wasserstein(x, data, slices_, 2))},
          {"mmd", std::sqrt(std::max(0.0, metrics::mmd2(x, data, bandwidth, false)))},
          {"precision", m.precision},
          {"recall", m.recall},
          {"coverage", m.coverage}};
}

Distances Judge::distances(const Points<double>& x, std::int64_t r) const {
  return compare(x, endless_ ? fresh("reference", r) : held_out_);
}

std::map<std::string, std::vector<double>> Judge::floor(std::int64_t repeats) const {
  std::map<std::string, std::vector<double>> draws;
  const auto add = [&](const Distances& distances) {
    for (const auto& [name, value] : distances) draws[name].push_back(value);
  };
  if (endless_) {
    for (std::int64_t r = 0; r < repeats; ++r) add(distances(fresh("floor", r), r));
    return draws;
  }
  const Index held = held_out_.rows(), n = std::min(held, training_.rows());
  Points<double> all(held + training_.rows(), held_out_.cols());
  all << held_out_, training_;
  std::vector<std::int64_t> order(static_cast<std::size_t>(all.rows()));
  for (std::int64_t r = 0; r < repeats; ++r) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    base::Stream(seed_, 0, "floor", static_cast<std::uint64_t>(r)).shuffle(order);
    const auto take = [&](Index from, Index count) {
      const std::vector<Index> rows(order.begin() + from, order.begin() + from + count);
      return Points<double>(all(rows, Eigen::all));
    };
    add(compare(take(held, n), take(0, held)));
  }
  return draws;
}

double Judge::median_distance(const Points<double>& x) const {
  const base::Vector<double> distances = metrics::nearest_distances(x, training_);
  return math::quantile({distances.begin(), distances.end()}, 0.5);
}

double Judge::distance_to_training(const Points<double>& x) const {
  return median_distance(x) / held_out_distance_;
}

double Judge::class_agreement(const Points<double>& x) const {
  const auto& asked = problem_.held_out_labels();
  const auto seen = metrics::classify(x, training_, problem_.training_labels(), neighbours);
  Index right = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) right += seen[i] == asked[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(seen.size());
}

}  // namespace starling::drift
