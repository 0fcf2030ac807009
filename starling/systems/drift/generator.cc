#include "starling/systems/drift/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/drift/release.h"
#include "starling/systems/drift/scales.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

nets::MlpSpec network_spec(const Spec& spec, const Problem& problem) {
  const GeneratorSpec& g = spec.generator;
  return {.inputs = g.noise,
          .outputs = problem.dimension(),
          .width = g.width,
          .layers = g.layers,
          .activation = g.activation,
          .residual = g.residual,
          .classes = g.conditional ? problem.classes() : 0};
}

std::uint64_t seed_of(const Spec& spec) {
  return static_cast<std::uint64_t>(spec.common.seed);
}

Field field_of(TrainField field) {
  switch (field) {
    case TrainField::displacement:
      return Field::displacement;
    case TrainField::toy:
      return Field::toy;
    case TrainField::conservative:
      return Field::conservative;
    case TrainField::sharp:
      return Field::sharp;
    case TrainField::paper:
    case TrainField::release:
      break;
  }
  return Field::paper;
}

// Single precision cannot tell data points apart from a million times their extent: the field there is zero,
// and a run that has diverged would look like one that has converged. A new network's samples are of order 1.
float reach_of(const Problem& problem) {
  return 0x1p20F * std::max(1.0F, problem.training().cwiseAbs().maxCoeff());
}

void require_in_reach(const Points<float>& samples, float reach, std::int64_t step) {
  if (samples.allFinite() && samples.cwiseAbs().maxCoeff() <= reach) return;
  throw base::Error(
      base::ErrorKind::numerical,
      samples.allFinite()
          ? fmt::format(
                "step {}: the generator's samples reach {:.3g}, expected at most {:.3g}: it has diverged",
                step, samples.cwiseAbs().maxCoeff(), reach)
          : fmt::format("step {}: the generator's samples are not finite", step));
}

}  // namespace

Generator::Generator(const Spec& spec, const Problem& problem)
    : spec_(spec),
      problem_(problem),
      network_(network_spec(spec, problem)),
      length_(scale_length(spec.drift, problem.training().cast<double>(), spec.train.batch)),
      reach_(reach_of(problem)),
      gradient_(static_cast<std::size_t>(network_.parameter_count())) {}

GeneratorState Generator::start() const {
  const auto count = static_cast<std::size_t>(network_.parameter_count());
  GeneratorState state{std::vector<float>(count), {}, optim::AdamWState<float>(count), 0, 0};
  base::Stream stream(seed_of(spec_), 0, "initial parameters");
  network_.initialise(stream, state.parameters);
  state.average = state.parameters;
  return state;
}

Points<float> Generator::field(const Points<float>& x, const Points<float>& y, std::int64_t step) const {
  const DriftSpec& f = spec_.drift;
  const auto scale_now = [&](double temperature) { return scale_at(f, length_, temperature, step); };
  if (f.field == TrainField::release) {
    ReleaseSpec release;
    release.temperatures.clear();
    for (const double scale : f.temperatures) release.temperatures.push_back(scale_now(scale));
    const auto result = release_drift<float>(release, x, y, Points<float>(0, x.cols()), {});
    return result.drift *
           static_cast<float>(f.step * result.scale / std::sqrt(static_cast<double>(x.cols())));
  }
  Points<float> total = Points<float>::Zero(x.rows(), x.cols());
  for (const double scale : f.temperatures) {
    const double now = scale_now(scale);
    const FieldSpec spec{field_of(f.field), f.kernel, now, f.self_interaction};
    // A gradient has units of 1/length; its natural Euler step is h^2 (the mean shift), or tau^2 for the
    // companion kernel.
    const bool gradient = f.field == TrainField::conservative || f.field == TrainField::sharp;
    total += velocity<float>(spec, x, y) * static_cast<float>(gradient ? f.step * now * now : f.step);
  }
  return total;
}

StepReport Generator::step(GeneratorState& state) {
  const TrainSpec& t = spec_.train;
  const auto index = static_cast<std::uint64_t>(state.step);
  const Index classes = problem_.classes(), rows = classes * t.batch, d = problem_.dimension();
  noise_.resize(rows, spec_.generator.noise);
  base::Stream(seed_of(spec_), 0, "noise", index)
      .fill_normal(std::span<float>(noise_.data(), static_cast<std::size_t>(noise_.size())));
  labels_.clear();
  if (spec_.generator.conditional) {
    for (Index i = 0; i < rows; ++i) labels_.push_back(static_cast<std::int32_t>(i / t.batch));
  }
  network_.forward(state.parameters, noise_, labels_, workspace_, out_);
  require_in_reach(out_, reach_, state.step);

  // The loss is mean |x - stop(x + V)|^2 = mean |V|^2, and its gradient at the sample -2 V / (rows d).
  d_out_.resize(rows, d);
  base::parallel_chunks(classes, 1, [&](Index c, Index) {
    base::Stream stream(seed_of(spec_), static_cast<std::uint32_t>(c), "data", index);
    Points<float> y(t.data_batch, d);
    problem_.draw(static_cast<std::int32_t>(c), stream, y);
    d_out_.middleRows(c * t.batch, t.batch) = field(out_.middleRows(c * t.batch, t.batch), y, state.step);
  });
  StepReport report;
  const double squares = d_out_.cast<double>().squaredNorm();
  report.loss = squares / static_cast<double>(rows * d);
  report.drift_norm = std::sqrt(squares / static_cast<double>(rows));
  d_out_ *= static_cast<float>(-2.0 / static_cast<double>(rows * d));

  network_.backward(state.parameters, workspace_, d_out_, gradient_);
  report.gradient_norm = optim::clip_norm(std::span<float>(gradient_), t.clip);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    throw base::Error(base::ErrorKind::numerical,
                      fmt::format("step {}: loss {} and gradient norm {}; expected finite numbers",
                                  state.step, report.loss, report.gradient_norm));
  }
  optim::Schedule schedule = t.schedule;
  schedule.steps = t.steps;
  optim::adamw_step<float>(t.adam, optim::rate_at(schedule, state.step), state.parameters, gradient_,
                           state.adam);
  // The average forgets its random start: its decay grows from 1/2 as the run does.
  const double n = static_cast<double>(state.step);
  optim::update_average<float>(std::min(t.average, (1 + n) / (2 + n)), state.average, state.parameters);
  if (t.average == 0) state.average = state.parameters;
  state.smoothed_loss = state.step == 0 ? report.loss : 0.96 * state.smoothed_loss + 0.04 * report.loss;
  ++state.step;
  return report;
}

Points<float> Generator::sample(const std::vector<float>& parameters, base::Stream& stream,
                                std::span<const std::int32_t> labels, Index n) {
  Points<float> noise(n, spec_.generator.noise);
  stream.fill_normal(std::span<float>(noise.data(), static_cast<std::size_t>(noise.size())));
  return sample(parameters, noise, labels);
}

Points<float> Generator::sample(const std::vector<float>& parameters, const Points<float>& noise,
                                std::span<const std::int32_t> labels) {
  Points<float> out;
  network_.forward(parameters, noise, labels, workspace_, out);
  return out;
}

}  // namespace starling::drift
