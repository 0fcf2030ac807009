#include "starling/systems/drift/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/comm/shared_loop.h"
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
          .classes = g.conditional ? problem.classes() : 0,
          .guidance = spec.guidance.active()};
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

void check_guidance(const Spec& spec) {
  if (!spec.guidance.active()) return;
  if (!spec.generator.conditional) {
    throw base::Error(
        base::ErrorKind::usage,
        "guidance.largest is above 1 and generator.conditional is false; guidance strengthens a "
        "class: set generator.conditional = true or guidance.largest = 1");
  }
  const TrainField field = spec.drift.field;
  if (field != TrainField::paper && field != TrainField::toy && field != TrainField::release) {
    throw base::Error(
        base::ErrorKind::usage,
        "guidance.largest is above 1 and field.kind takes no weighted negatives; expected paper, toy "
        "or release");
  }
}

// Hidden weights are matrices to an optimiser that knows any; the last layer, biases and class vectors are
// not.
std::vector<optim::TrainedBlock> trained_blocks(const nets::Mlp<float>& network) {
  const std::string head = fmt::format("layers.{}.weight", network.spec().layers);
  std::vector<optim::TrainedBlock> out;
  for (const nets::Block& block : network.blocks()) {
    const bool table = block.shape.size() == 2;
    out.push_back({.name = block.name,
                   .offset = block.offset,
                   .rows = static_cast<Index>(block.shape[0]),
                   .columns = table ? static_cast<Index>(block.shape[1]) : 1,
                   .is_matrix = table && block.name != head && block.name != "classes.weight"});
  }
  return out;
}

}  // namespace

Generator::Generator(const Spec& spec, const Problem& problem)
    : spec_(spec),
      problem_(problem),
      network_(network_spec(spec, problem)),
      reach_(reach_of(problem)),
      gradient_(static_cast<std::size_t>(network_.parameter_count())) {
  check_guidance(spec);
  check_features(spec.features, problem.training());
}

GeneratorState Generator::start() const {
  const auto count = static_cast<std::size_t>(network_.parameter_count());
  GeneratorState state{std::vector<float>(count),
                       {},
                       {spec_.train.trainer, trained_blocks(network_), network_.parameter_count()},
                       0,
                       0};
  base::Stream stream(seed_of(spec_), 0, "initial parameters");
  network_.initialise(stream, state.parameters);
  state.average = state.parameters;
  return state;
}

void Generator::fit_features() {
  features_ = std::make_unique<FeatureMap>(spec_.features, problem_.training(), seed_of(spec_));
  length_ = scale_length(spec_.drift, features_->map(problem_.training()), spec_.train.batch);
}

std::vector<double> Generator::scales(std::int64_t step) const {
  return scales_at(spec_.drift, length_, step);
}

Points<float> Generator::field(const Points<float>& x, const Points<float>& y, std::int64_t step,
                               const Points<float>& negatives, double weight) const {
  const DriftSpec& f = spec_.drift;
  const base::Vector<float> weights =
      base::Vector<float>::Constant(negatives.rows(), static_cast<float>(weight));
  if (f.field == TrainField::release) {
    ReleaseSpec release;
    release.temperatures = scales(step);
    const auto result = release_drift<float>(release, x, y, negatives, weights);
    return result.drift *
           static_cast<float>(f.step * result.scale / std::sqrt(static_cast<double>(x.cols())));
  }
  Points<float> total = Points<float>::Zero(x.rows(), x.cols());
  for (const double now : scales(step)) {
    const FieldSpec spec{field_of(f.field), f.kernel, now, f.self_interaction};
    // A gradient has units of 1/length; its natural Euler step is h^2 (the mean shift), or tau^2 for the
    // companion kernel.
    const bool gradient = f.field == TrainField::conservative || f.field == TrainField::sharp;
    const auto factor = static_cast<float>(gradient ? f.step * now * now : f.step);
    total += factor * (negatives.rows() > 0 ? velocity_with_negatives<float>(spec, x, y, negatives, weights)
                                            : velocity<float>(spec, x, y));
  }
  return total;
}

// Noise, classes, and the strength of guidance, one draw a class: a block shares its negatives' weight.
void Generator::draw_inputs(std::uint64_t step) {
  const Index batch = spec_.train.batch, rows = problem_.classes() * batch;
  noise_.resize(rows, spec_.generator.noise);
  base::Stream(seed_of(spec_), 0, "noise", step)
      .fill_normal(std::span<float>(noise_.data(), static_cast<std::size_t>(noise_.size())));
  labels_.clear();
  guidance_.clear();
  for (Index c = 0; spec_.generator.conditional && c < problem_.classes(); ++c) {
    labels_.insert(labels_.end(), static_cast<std::size_t>(batch), static_cast<std::int32_t>(c));
    if (!spec_.guidance.active()) continue;
    base::Stream stream(seed_of(spec_), static_cast<std::uint32_t>(c), "guidance", step);
    guidance_.insert(guidance_.end(), static_cast<std::size_t>(batch),
                     static_cast<float>(draw_guidance(spec_.guidance, stream)));
  }
}

// The drift of one class's samples, in features.
void Generator::drift_class(Index label, std::int64_t step) {
  const Index batch = spec_.train.batch;
  base::Stream stream(seed_of(spec_), static_cast<std::uint32_t>(label), "data",
                      static_cast<std::uint64_t>(step));
  Points<float> y(spec_.train.data_batch, problem_.dimension()), negatives;
  problem_.draw(static_cast<std::int32_t>(label), step, stream, y);
  double weight = 1;
  if (spec_.guidance.active()) {
    const auto strength = static_cast<double>(guidance_[static_cast<std::size_t>(label * batch)]);
    weight = negative_weight(spec_.guidance, strength, batch);
    negatives.resize(spec_.guidance.negatives, problem_.dimension());
    problem_.draw_any(stream, negatives);
  }
  const auto x = out_.middleRows(label * batch, batch);
  drift_.middleRows(label * batch, batch) =
      features_->identity() ? field(x, y, step, negatives, weight)
                            : field(features_->map(x), features_->map(y), step,
                                    negatives.rows() > 0 ? features_->map(negatives) : negatives, weight);
}

StepReport Generator::step(GeneratorState& state) {
  const TrainSpec& t = spec_.train;
  draw_inputs(static_cast<std::uint64_t>(state.step));
  network_.forward(state.parameters, noise_, labels_, guidance_, workspace_, out_);
  require_in_reach(out_, reach_, state.step);

  // The loss is mean |phi(x) - stop(phi(x) + V)|^2 = mean |V|^2; its gradient at the features is -2 V / size.
  drift_.resize(out_.rows(), features_->dimension());
  // Ranks share the classes, or the field of the only one.
  const comm::SharedLoop classes(problem_.classes(), 1);
  if (problem_.classes() == 1) {
    drift_class(0, state.step);
  } else {
    classes.run([&](Index c, Index) { drift_class(c, state.step); });
    classes.gather_rows(drift_.data(), t.batch * drift_.cols());
  }
  StepReport report;
  const double squares = drift_.cast<double>().squaredNorm();
  report.loss = squares / static_cast<double>(drift_.size());
  report.drift_norm = std::sqrt(squares / static_cast<double>(drift_.rows()));
  drift_ *= static_cast<float>(-2.0 / static_cast<double>(drift_.size()));
  if (!features_->identity()) drift_ = features_->pull_back(out_, drift_);

  network_.backward(state.parameters, workspace_, drift_, gradient_);
  report.gradient_norm = optim::clip_norm(std::span<float>(gradient_), t.clip);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    throw base::Error(base::ErrorKind::numerical,
                      fmt::format("step {}: loss {} and gradient norm {}; expected finite numbers",
                                  state.step, report.loss, report.gradient_norm));
  }
  optim::Schedule schedule = t.schedule;
  schedule.steps = t.steps;
  state.optimizer.step(optim::rate_at(schedule, state.step), state.parameters, gradient_);
  // The average forgets its random start: its decay grows from 1/2 as the run does.
  const double n = static_cast<double>(state.step);
  optim::update_average<float>(std::min(t.average, (1 + n) / (2 + n)), state.average, state.parameters);
  if (t.average == 0) state.average = state.parameters;
  state.smoothed_loss = state.step == 0 ? report.loss : 0.96 * state.smoothed_loss + 0.04 * report.loss;
  ++state.step;
  return report;
}

Points<float> Generator::sample(const std::vector<float>& parameters, base::Stream& stream,
                                std::span<const std::int32_t> labels, Index n, double guidance) {
  Points<float> noise(n, spec_.generator.noise);
  stream.fill_normal(std::span<float>(noise.data(), static_cast<std::size_t>(noise.size())));
  return sample(parameters, noise, labels, guidance);
}

Points<float> Generator::sample(const std::vector<float>& parameters, const Points<float>& noise,
                                std::span<const std::int32_t> labels, double guidance) {
  Points<float> out;
  const std::vector<float> strengths(spec_.guidance.active() ? static_cast<std::size_t>(noise.rows()) : 0,
                                     static_cast<float>(guidance));
  network_.forward(parameters, noise, labels, strengths, workspace_, out);
  return out;
}

}  // namespace starling::drift
