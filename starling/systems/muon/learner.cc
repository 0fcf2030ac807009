#include "starling/systems/muon/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/nets/loss.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Points;

bool is_matrix(const nets::Block& block, const NetworkSpec& spec) {
  if (spec.kind == Architecture::experts)
    return block.name.ends_with("up.weight") || block.name.ends_with("down.weight");
  return block.shape.size() == 2 && block.name != "layers.0.weight" &&
         block.name != fmt::format("layers.{}.weight", spec.layers);
}

optim::TrainedBlock trained(const nets::Block& block, const NetworkSpec& spec) {
  optim::TrainedBlock out{.name = block.name,
                          .offset = block.offset,
                          .rows = block.shape[block.shape.size() == 3 ? 1 : 0],
                          .columns = block.shape.size() > 1 ? block.shape.back() : 1,
                          .is_matrix = is_matrix(block, spec)};
  if (block.shape.size() == 3) out.batch = block.shape[0];
  return out;
}

}  // namespace

template <>
void Learner::Part<nets::Mlp<float>>::forward(std::span<const float> parameters, const Points<float>& x,
                                              Points<float>& out) {
  network.forward(parameters, x, {}, workspace, out);
}
template <>
void Learner::Part<nets::ExpertMixture<float>>::forward(std::span<const float> parameters,
                                                        const Points<float>& x, Points<float>& out) {
  network.forward(parameters, x, workspace, out);
}

Learner::Learner(const TrainSpec& spec, const TrainProblem& problem)
    : spec_(spec), problem_(problem), part_([&]() -> decltype(part_) {
        const NetworkSpec& n = spec.network;
        if (n.kind == Architecture::experts) {
          return Part<nets::ExpertMixture<float>>(nets::ExpertMixtureSpec{.inputs = problem.inputs(),
                                                                          .outputs = problem.outputs(),
                                                                          .width = n.width,
                                                                          .hidden = n.hidden,
                                                                          .experts = n.experts,
                                                                          .blocks = n.layers,
                                                                          .activation = n.activation});
        }
        return Part<nets::Mlp<float>>(nets::MlpSpec{.inputs = problem.inputs(),
                                                    .outputs = problem.outputs(),
                                                    .width = n.width,
                                                    .layers = n.layers,
                                                    .activation = n.activation});
      }()) {
  for (const nets::Block& block : blocks()) trained_.push_back(trained(block, spec.network));
}

const std::vector<nets::Block>& Learner::blocks() const {
  return std::visit(
      [](const auto& part) -> const auto& { return part.network.blocks(); }, part_);
}

Index Learner::parameter_count() const {
  return std::visit([](const auto& part) { return part.network.parameter_count(); }, part_);
}

LearnerState Learner::start() const {
  const Index count = parameter_count();
  LearnerState state{std::vector<float>(static_cast<std::size_t>(count)), {spec_.trainer, trained_, count}};
  base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, "initial parameters");
  std::visit([&](const auto& part) { part.network.initialise(stream, state.parameters); }, part_);
  state.moved.assign(state.parameters.size(), 0.0F);
  return state;
}

double Learner::loss_of(const Points<float>& out, const Sample& sample, std::vector<double>& each,
                        Points<float>& d_out) const {
  each.resize(static_cast<std::size_t>(sample.size()));
  if (problem_.classifies()) {
    nets::cross_entropy<float>(out, sample.labels, each, d_out);
  } else {
    nets::half_squared_error<float>(out, sample.targets, each, d_out);
  }
  double sum = 0;
  for (const double loss : each) sum += loss;
  return sum / static_cast<double>(std::max<Index>(1, sample.size()));
}

double Learner::loss_and_gradient(std::span<const float> parameters, std::span<float> gradient) {
  return std::visit(
      [&](auto& part) {
        part.forward(parameters, batch_.inputs, out_);
        const double loss = loss_of(out_, batch_, each_, d_out_);
        part.network.backward(parameters, part.workspace, d_out_, gradient);
        return loss;
      },
      part_);
}

StepReport Learner::step(LearnerState& state) {
  problem_.draw(state.step, spec_.batch, batch_);
  gradient_.resize(state.parameters.size());
  StepReport report;
  report.loss = loss_and_gradient(state.parameters, gradient_);
  other_gradient_ = gradient_;
  report.gradient_norm = optim::clip_norm(std::span<float>(other_gradient_), spec_.clip);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    throw base::Error(base::ErrorKind::numerical,
                      fmt::format("step {}: loss {} and gradient norm {}; expected finite numbers",
                                  state.step, report.loss, report.gradient_norm));
  }
  optim::Schedule schedule = spec_.schedule;
  schedule.steps = spec_.steps;
  report.rate = optim::rate_at(schedule, state.step);
  state.moved = state.parameters;
  state.optimizer.step(report.rate, state.parameters, other_gradient_);
  for (std::size_t i = 0; i < state.moved.size(); ++i) state.moved[i] = state.parameters[i] - state.moved[i];
  ++state.step;
  return report;
}

std::span<const float> Learner::gradient_of_last_batch(std::span<const float> parameters) {
  other_gradient_.resize(gradient_.size());
  loss_and_gradient(parameters, other_gradient_);
  return other_gradient_;
}

Points<float> Learner::outputs(std::span<const float> parameters, const Points<float>& inputs) {
  Points<float> out;
  std::visit([&](auto& part) { part.forward(parameters, inputs, out); }, part_);
  return out;
}

Judgement Learner::judge(std::span<const float> parameters, const Sample& sample) {
  const Points<float> out = outputs(parameters, sample.inputs);
  Judgement judgement;
  Points<float> unused;
  loss_of(out, sample, judgement.losses, unused);
  for (Index i = 0; problem_.classifies() && i < out.rows(); ++i) {
    const float* row = out.data() + i * out.cols();
    const Index best = std::max_element(row, row + out.cols()) - row;
    if (best == sample.labels[static_cast<std::size_t>(i)]) ++judgement.right;
  }
  return judgement;
}

}  // namespace starling::muon
