#include "starling/systems/drift/particle_method.h"

#include <algorithm>
#include <cmath>

#include "starling/metrics/distances.h"
#include "starling/systems/drift/baselines.h"
#include "starling/systems/drift/release.h"
#include "starling/systems/drift/scales.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;

// The train job's spec with this one's data: what Problem reads.
Spec data_spec(const ParticlesSpec& spec) {
  Spec out;
  out.common.seed = spec.common.seed;
  out.data = spec.data;
  out.train.evaluation = spec.watch.evaluation;
  return out;
}

Field field_of(Method method) {
  switch (method) {
    case Method::toy:
      return Field::toy;
    case Method::paper:
      return Field::paper;
    case Method::conservative:
      return Field::conservative;
    case Method::sharp:
      return Field::sharp;
    default:
      return Field::displacement;
  }
}

}  // namespace

ParticleMethod::ParticleMethod(const ParticlesSpec& spec) : spec_(spec) {
  require_consistent(spec);
  if (!knows_score()) problem_.emplace(data_spec(spec));
  Index count = spec.target.points;
  if (problem_ && spec.data.source == Source::file) count = std::min(count, problem_->training().rows());
  data_ = draw(base::Stream(seed(), 0, "particles data"), count);
  held_out_ = problem_ ? Points<double>(problem_->held_out().cast<double>())
                       : draw(base::Stream(seed(), 0, "held out"), spec.watch.evaluation);
  base::Stream slicing(seed(), 0, "slices");
  directions_ = metrics::slicing_directions(spec.method.directions, dimension(), slicing);
  length_ = bandwidth_length(spec.method.drift.bandwidth, data_, spec.cloud.count);
}

Points<double> ParticleMethod::draw(base::Stream stream, Index count) const {
  if (problem_) {
    Points<float> out(count, problem_->dimension());
    problem_->draw(0, 0, stream, out);
    return out.cast<double>();
  }
  Points<double> out(count, spec_.target.dimension);
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out * std::sqrt(spec_.target.variance);
}

Points<double> ParticleMethod::start() const {
  Points<double> out(spec_.cloud.count, dimension());
  base::Stream(seed(), 0, "particles start")
      .fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return (out.array() * spec_.cloud.start_scale + spec_.cloud.start_mean).matrix();
}

Points<double> ParticleMethod::ideal(std::uint64_t replicate) const {
  return draw(base::Stream(seed(), 0, "floor", replicate), spec_.cloud.count);
}

Points<double> ParticleMethod::restore(const PointsRef<double>& x) const {
  if (!problem_) return x;
  return (x.array() * problem_->factor() + problem_->offset()).matrix();
}

double ParticleMethod::scale(std::size_t index, std::int64_t step) const {
  return scale_at(spec_.method.drift, length_, spec_.method.drift.temperatures[index], step);
}

std::vector<double> ParticleMethod::scales(std::int64_t step) const {
  return scales_at(spec_.method.drift, length_, step);
}

Target ParticleMethod::target(std::int64_t step) const {
  const double h = scale(0, step);
  return knows_score() ? Target::normal(spec_.target.variance, h) : Target::data(data_, h);
}

// Of the normal the exact score, not smoothed: SVGD compares the particles with the law itself.
Points<double> ParticleMethod::score(const PointsRef<double>& x, std::int64_t step) const {
  if (knows_score()) return -x / spec_.target.variance;
  const double h = spec_.method.score_scale > 0 ? spec_.method.score_scale : scale(0, step);
  return Target::data(data_, h).score(x);
}

Points<double> ParticleMethod::drifting(const PointsRef<double>& x, std::int64_t step) const {
  const MethodSpec& m = spec_.method;
  if (m.kind == Method::conservative && is_gaussian(m) && knows_score()) {
    const Target goal = target(step);
    return goal.score(x) - Target::data(x, goal.bandwidth()).score(x);
  }
  Points<double> total = Points<double>::Zero(x.rows(), x.cols());
  for (std::size_t i = 0; i < m.drift.temperatures.size(); ++i) {
    const FieldSpec field{field_of(m.kind), m.drift.kernel, scale(i, step), m.drift.self_interaction};
    total += drift::velocity<double>(field, x, data_);
  }
  return total;
}

Points<double> ParticleMethod::released(const PointsRef<double>& x, std::int64_t step) const {
  ReleaseSpec release;
  release.temperatures.clear();
  for (std::size_t i = 0; i < spec_.method.drift.temperatures.size(); ++i)
    release.temperatures.push_back(scale(i, step));
  const auto result = release_drift<double>(release, x, data_, Points<double>(0, x.cols()), {});
  return result.drift * (result.scale / std::sqrt(static_cast<double>(x.cols())));
}

Points<double> ParticleMethod::velocity(const PointsRef<double>& x, std::int64_t step) const {
  const MethodSpec& m = spec_.method;
  switch (m.kind) {
    case Method::release:
      return released(x, step);
    case Method::mmd: {
      Points<double> offset(m.noise > 0 ? x.rows() : 0, x.cols());
      base::Stream(seed(), 0, "noise injection", static_cast<std::uint64_t>(step))
          .fill_normal(std::span<double>(offset.data(), static_cast<std::size_t>(offset.size())));
      offset *= m.noise;
      Points<double> total = Points<double>::Zero(x.rows(), x.cols());
      for (std::size_t i = 0; i < m.drift.temperatures.size(); ++i)
        total += mmd_velocity(x, data_, scale(i, step), offset);
      return total;
    }
    case Method::svgd:
      return svgd_velocity(x, score(x, step), scale(0, step));
    case Method::sliced:
      return sliced_velocity(x, data_, directions_);
    case Method::kl:
      return kl_velocity(x, target(step));
    default:
      return drifting(x, step);
  }
}

}  // namespace starling::drift
