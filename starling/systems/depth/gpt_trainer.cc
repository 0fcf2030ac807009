#include "starling/systems/depth/gpt_trainer.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/study/trainer_keys.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

// The blocks [0, end) or [begin, all) as an optimiser sees them, from offset 0; queries, keys and values are
// three matrices.
std::vector<optim::TrainedBlock> trained(const nets::Gpt<float>& network, bool matrices) {
  std::vector<optim::TrainedBlock> out;
  for (const nets::Block& block : network.blocks()) {
    if ((block.offset < network.matrix_count()) != matrices) continue;
    optim::TrainedBlock one{.name = block.name,
                            .offset = matrices ? block.offset : block.offset - network.matrix_count(),
                            .rows = block.shape[0],
                            .columns = matrices ? block.shape[1] : 1,
                            .is_matrix = matrices && block.name.starts_with("transformer.h.")};
    if (one.is_matrix && block.name.ends_with("c_attn.weight")) {
      one.batch = 3;
      one.rows /= 3;
    }
    out.push_back(one);
  }
  return out;
}

optim::TrainerSpec without_decay(optim::TrainerSpec spec) {
  spec.adam.decay = 0;
  return spec;
}

// ", layer 2, head 1" of an entry of a tensor, as far as it has them.
std::string part_of(const nets::Block& block, std::size_t entry, const nets::GptSpec& spec) {
  constexpr std::string_view within = "transformer.h.";
  if (!block.name.starts_with(within)) return "";
  std::string out =
      ", layer " + block.name.substr(within.size(), block.name.find('.', within.size()) - within.size());
  const auto size = static_cast<std::size_t>(spec.width / spec.heads),
             width = static_cast<std::size_t>(spec.width);
  const std::size_t columns = block.shape.size() == 2 ? static_cast<std::size_t>(block.shape[1]) : 1;
  if (block.name.find("c_attn") != std::string::npos)
    out += fmt::format(", head {}", entry / columns % width / size);
  if (block.name.ends_with("attn.c_proj.weight")) out += fmt::format(", head {}", entry % columns / size);
  return out;
}

std::vector<std::pair<std::string, std::span<float>>> parts_of(GptState& state) {
  std::vector<std::pair<std::string, std::span<float>>> out = {{"state.parameters", state.parameters}};
  for (const auto& [name, values] : state.matrices.state())
    out.emplace_back("state.matrices." + name, values);
  for (const auto& [name, values] : state.vectors.state()) out.emplace_back("state.vectors." + name, values);
  return out;
}

}  // namespace

nets::GptSpec GptSizes::spec() const {
  return {.context = context, .layers = layers, .heads = heads, .width = width, .bias = bias, .tied = tied};
}

void describe_sizes(study::Description& d, GptSizes& n) {
  d.integer("layers", n.layers, {.minimum = 1, .maximum = 10000}, "blocks of attention and a perceptron");
  d.integer("heads", n.heads, {.minimum = 1, .maximum = 1024}, "of a block; they divide the width");
  d.integer("width", n.width, {.minimum = 1, .maximum = 65536}, "of the residual stream");
  d.boolean("bias", n.bias, "of norms and linear maps");
  d.boolean("tied", n.tied, "one block is all the layers");
}

void describe_training(study::Description& d, GptTraining& t, const std::string& batch,
                       const std::string& judged) {
  d.section("train", "The optimiser.");
  d.integer("steps", t.steps, {.minimum = 1, .maximum = 1e9}, "optimiser steps");
  d.integer("batch", t.batch, {.minimum = 1, .maximum = 1e6}, batch);
  study::describe_trainer(d, t.schedule, t.trainer, t.clip, "embeddings, gains and biases");
  d.real("rate_floor", t.schedule.floor, {.minimum = 0, .maximum = 1},
         "cosine: the last rate over the largest");
  d.integer("checkpoint_every", t.checkpoint_every, {.minimum = 1}, "steps");
  d.integer("measurements", t.measurements, {.minimum = 1, .maximum = 10000},
            "times at which " + judged + " is measured");
}

void add_state(data::TensorFile& file, GptState& state) {
  for (const auto& [name, values] : parts_of(state)) data::add_flat<float>(file, name, values);
  const std::int64_t counts[] = {state.step, state.matrices.steps(), state.vectors.steps()};
  data::add_flat<std::int64_t>(file, "state.counts", counts);
}

GptTrainer::GptTrainer(const nets::GptSpec& network, const GptTraining& training, std::int64_t seed)
    : network_(network), training_(training), seed_(seed) {}

GptState GptTrainer::start() const {
  const Index all = network_.parameter_count(), matrices = network_.matrix_count();
  GptState state{std::vector<float>(static_cast<std::size_t>(all)),
                 {training_.trainer, trained(network_, true), matrices},
                 {without_decay(training_.trainer), trained(network_, false), all - matrices}};
  base::Stream stream(static_cast<std::uint64_t>(seed_), 0, "initial parameters");
  network_.initialise(stream, state.parameters);
  return state;
}

GptState GptTrainer::load(const data::TensorFile& file, const std::string& from) const {
  data::require_flat<float>(file, "state.parameters", network_.parameter_count(), from);
  GptState state = start();
  for (const auto& [name, values] : parts_of(state)) data::read_flat<float>(file, name, values, from);
  std::int64_t counts[3] = {};
  data::read_flat<std::int64_t>(file, "state.counts", counts, from);
  state.step = counts[0];
  state.matrices.restore_steps(counts[1]);
  state.vectors.restore_steps(counts[2]);
  return state;
}

double GptTrainer::step_bytes(std::int64_t length) const {
  return sizeof(float) * (4 * static_cast<double>(network_.parameter_count()) +
                          network_.workspace_numbers(training_.batch, length));
}

void GptTrainer::refuse(std::int64_t step, double loss, std::span<const float> gradient) const {
  for (const nets::Block& block : network_.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    for (std::size_t i = 0; i < size; ++i) {
      const float value = gradient[static_cast<std::size_t>(block.offset) + i];
      if (std::isfinite(value)) continue;
      throw Error(ErrorKind::numerical,
                  fmt::format("step {}: the gradient of {} is {} at entry {}{}; loss {}", step, block.name,
                              value, i, part_of(block, i, network_.spec()), loss));
    }
  }
  throw Error(ErrorKind::numerical, fmt::format("step {}: loss {}; expected a finite number", step, loss));
}

GptStep GptTrainer::apply(GptState& state, double loss, std::span<float> gradient) const {
  GptStep report{.loss = loss, .gradient_norm = optim::clip_norm(gradient, training_.clip)};
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) refuse(state.step, loss, gradient);
  optim::Schedule schedule = training_.schedule;
  schedule.steps = training_.steps;
  report.rate = optim::rate_at(schedule, state.step);
  const auto matrices = static_cast<std::size_t>(network_.matrix_count());
  const std::span<float> p = state.parameters;
  const std::span<const float> g = gradient;
  state.matrices.step(report.rate, p.first(matrices), g.first(matrices));
  state.vectors.step(report.rate, p.subspan(matrices), g.subspan(matrices));
  ++state.step;
  return report;
}

}  // namespace starling::depth
