#include "starling/systems/depth/language_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

nets::GptSpec network_of(const LanguageSpec& spec, std::int64_t vocabulary) {
  const LanguageNetwork& n = spec.network;
  return {.vocabulary = vocabulary,
          .context = n.context,
          .layers = n.layers,
          .heads = n.heads,
          .width = n.width,
          .bias = n.bias};
}

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

}  // namespace

data::Tokenizer tokenizer_of(const LanguageSpec& spec, const std::string& alphabet, const std::string& name) {
  if (spec.data.tokens == TokenKind::bytes) return data::Tokenizer::bytes();
  if (spec.data.tokens == TokenKind::characters) return data::Tokenizer::characters(alphabet, name);
  if (spec.data.vocabulary.empty() || spec.data.merges.empty()) {
    throw Error(ErrorKind::usage,
                "data.tokens = \"byte_pairs\" needs data.vocabulary and data.merges: GPT-2's vocab.json and "
                "merges.txt");
  }
  return data::Tokenizer::byte_pairs(spec.data.vocabulary, spec.data.merges);
}

Corpus read_corpus(const LanguageSpec& spec) {
  const std::string& path = spec.data.path;
  if (path.empty()) throw Error(ErrorKind::usage, "data.path is empty; expected a text file");
  const std::string text = base::read_file(path);
  if (text.empty()) throw Error(ErrorKind::input, fmt::format("{}: the text is empty", path));
  Corpus corpus{tokenizer_of(spec, text, path), {}, {}};
  const std::vector<std::int32_t> all = corpus.tokenizer.encode(text, path);
  const auto cut = static_cast<std::ptrdiff_t>((1 - spec.data.holdout) * static_cast<double>(all.size()));
  corpus.training.assign(all.begin(), all.begin() + cut);
  corpus.held_out.assign(all.begin() + cut, all.end());
  const std::int64_t context = spec.network.context;
  if (cut <= context || corpus.held_out.size() < 2) {
    throw Error(
        ErrorKind::input,
        fmt::format(
            "{}: {} tokens to learn from and {} held out; expected at least {} (network.context + 1) and 2",
            path, cut, corpus.held_out.size(), context + 1));
  }
  return corpus;
}

LanguageModel::LanguageModel(const LanguageSpec& spec, std::int64_t vocabulary)
    : spec_(spec), network_(network_of(spec, vocabulary)) {}

LanguageState LanguageModel::start() const {
  const Index all = network_.parameter_count(), matrices = network_.matrix_count();
  LanguageState state{std::vector<float>(static_cast<std::size_t>(all)),
                      {spec_.trainer, trained(network_, true), matrices},
                      {without_decay(spec_.trainer), trained(network_, false), all - matrices}};
  base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, "initial parameters");
  network_.initialise(stream, state.parameters);
  return state;
}

double LanguageModel::step_bytes() const {
  return sizeof(float) * (4 * static_cast<double>(network_.parameter_count()) +
                          network_.workspace_numbers(spec_.batch, spec_.network.context));
}

void LanguageModel::draw(std::int64_t step, std::span<const std::int32_t> text) {
  const auto context = static_cast<std::size_t>(spec_.network.context),
             batch = static_cast<std::size_t>(spec_.batch);
  tokens_.resize(batch * context);
  targets_.resize(batch * context);
  base::Stream stream(static_cast<std::uint64_t>(spec_.common.seed), 0, "batch",
                      static_cast<std::uint64_t>(step));
  for (std::size_t b = 0; b < batch; ++b) {
    const auto from = static_cast<std::size_t>(stream.below(text.size() - context));
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(from), context,
                tokens_.begin() + static_cast<std::ptrdiff_t>(b * context));
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(from + 1), context,
                targets_.begin() + static_cast<std::ptrdiff_t>(b * context));
  }
}

void LanguageModel::refuse_gradient(std::int64_t step, double loss) const {
  for (const nets::Block& block : network_.blocks()) {
    std::size_t size = 1;
    for (const auto extent : block.shape) size *= static_cast<std::size_t>(extent);
    for (std::size_t i = 0; i < size; ++i) {
      const float value = gradient_[static_cast<std::size_t>(block.offset) + i];
      if (std::isfinite(value)) continue;
      throw Error(ErrorKind::numerical,
                  fmt::format("step {}: the gradient of {} is {} at entry {}{}; loss {}", step, block.name,
                              value, i, part_of(block, i, network_.spec()), loss));
    }
  }
  throw Error(ErrorKind::numerical, fmt::format("step {}: loss {}; expected a finite number", step, loss));
}

LanguageStep LanguageModel::step(LanguageState& state, std::span<const std::int32_t> text) {
  draw(state.step, text);
  each_.resize(tokens_.size());
  gradient_.resize(state.parameters.size());
  network_.loss(state.parameters, tokens_, targets_, spec_.batch, workspace_, each_);
  network_.backward(state.parameters, tokens_, workspace_, gradient_);
  LanguageStep report;
  for (const double loss : each_) report.loss += loss / static_cast<double>(each_.size());
  report.gradient_norm = optim::clip_norm(std::span<float>(gradient_), spec_.clip);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm))
    refuse_gradient(state.step, report.loss);
  optim::Schedule schedule = spec_.schedule;
  schedule.steps = spec_.steps;
  report.rate = optim::rate_at(schedule, state.step);
  const auto matrices = static_cast<std::size_t>(network_.matrix_count());
  const std::span<float> p = state.parameters;
  const std::span<const float> g = gradient_;
  state.matrices.step(report.rate, p.first(matrices), g.first(matrices));
  state.vectors.step(report.rate, p.subspan(matrices), g.subspan(matrices));
  ++state.step;
  return report;
}

std::vector<double> LanguageModel::losses(std::span<const float> parameters,
                                          std::span<const std::int32_t> text) {
  if (text.size() < 2) return {};
  const std::size_t predicted = text.size() - 1, context = static_cast<std::size_t>(spec_.network.context);
  std::vector<double> out(predicted);
  for (std::size_t at = 0; at < predicted;) {
    // Whole windows together, what is left alone.
    const std::size_t whole = std::min<std::size_t>((predicted - at) / context, 16);
    const std::size_t size = whole > 0 ? whole * context : predicted - at;
    network_.loss(parameters, text.subspan(at, size), text.subspan(at + 1, size),
                  static_cast<Index>(std::max<std::size_t>(1, whole)), asked_,
                  std::span(out).subspan(at, size));
    at += size;
  }
  return out;
}

std::span<const float> LanguageModel::next(std::span<const float> parameters,
                                           std::span<const std::int32_t> text) {
  logits_.resize(static_cast<std::size_t>(network_.spec().vocabulary));
  const std::size_t most = std::min(text.size(), static_cast<std::size_t>(spec_.network.context));
  network_.next(parameters, text.last(most), asked_, logits_);
  return logits_;
}

math::MeanInterval mean_of_windows(std::span<const double> losses, std::int64_t context) {
  const auto size = static_cast<std::size_t>(context);
  double sum = 0;
  for (const double loss : losses) sum += loss;
  const double mean = sum / static_cast<double>(std::max<std::size_t>(1, losses.size()));
  std::vector<double> windows;
  for (std::size_t at = 0; at + size <= losses.size(); at += size) {
    double window = 0;
    for (std::size_t i = 0; i < size; ++i) window += losses[at + i] / static_cast<double>(size);
    windows.push_back(window);
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (windows.size() < 2) return {mean, -infinity, infinity};
  const math::MeanInterval of_windows = math::mean_interval(windows);
  const double half = (of_windows.upper - of_windows.lower) / 2;
  return {mean, mean - half, mean + half};
}

}  // namespace starling::depth
