#include "starling/systems/drift/training_measures.h"

#include <algorithm>
#include <vector>

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

}  // namespace

Index measured_points(const Problem& problem) {
  return std::min<Index>(400, problem.available(0));
}

Measures training_measures(const Spec& spec, const Problem& problem, Generator& generator,
                           const GeneratorState& state) {
  const Index count = measured_points(problem);
  constexpr double most_quadrature_pairs = 5e7;  // a tenth of a second
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "measured cloud");
  // One law: of a conditional generator, its first class.
  const std::vector<std::int32_t> labels(spec.generator.conditional ? static_cast<std::size_t>(count) : 0, 0);
  Points<float> data(count, problem.dimension());
  const Points<float> samples = generator.sample(state.parameters, stream, labels, count);
  problem.draw(0, state.step, stream, data);
  const Points<double> x = generator.features().map(samples).cast<double>(),
                       y = generator.features().map(data).cast<double>();
  const DriftSpec& f = spec.drift;
  const std::vector<double> scales = generator.scales(state.step);
  const bool release = f.field == TrainField::release;
  const bool gaussian = f.kernel == Kernel::gaussian &&
                        (f.field == TrainField::displacement || f.field == TrainField::conservative);
  const double unit = release ? release_unit(x, y) : 1;
  Measures out;
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  out["seen_data"] = seen_share({gaussian, unit * *most}, x, y);
  out["seen_data_nearby"] = seen_share({gaussian, unit * *least}, x, y);
  if (release) return out;  // its scale is not a length
  add_occupancy({gaussian, scales.front()}, x, out);
  if (f.field == TrainField::displacement && !gaussian && f.self_interaction && scales.size() == 1)
    add_mismatch(scales.front(), x, y, out);
  if (f.field == TrainField::conservative && gaussian) {
    const Target target = Target::data(y, scales.front());
    out["stein_drift"] = stein_drift(x, target);
    add_smoothed_objectives(target, y.rows(), x, most_quadrature_pairs, out);
  }
  return out;
}

}  // namespace starling::drift
