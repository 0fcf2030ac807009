#include "starling/systems/depth/language_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

nets::GptSpec network_of(const LanguageSpec& spec, std::int64_t vocabulary) {
  nets::GptSpec out = spec.network.spec();
  out.vocabulary = vocabulary;
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
    : spec_(spec), trainer_(network_of(spec, vocabulary), spec, spec.common.seed) {}

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

GptStep LanguageModel::step(GptState& state, std::span<const std::int32_t> text) {
  draw(state.step, text);
  each_.resize(tokens_.size());
  gradient_.resize(state.parameters.size());
  network().loss(state.parameters, tokens_, targets_, spec_.batch, workspace_, each_);
  network().backward(state.parameters, tokens_, workspace_, gradient_);
  double mean = 0;
  for (const double loss : each_) mean += loss / static_cast<double>(each_.size());
  return trainer_.apply(state, mean, gradient_);
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
    network().loss(parameters, text.subspan(at, size), text.subspan(at + 1, size),
                   static_cast<Index>(std::max<std::size_t>(1, whole)), asked_,
                   std::span(out).subspan(at, size));
    at += size;
  }
  return out;
}

const nets::Gpt<float>::Workspace& LanguageModel::look(std::span<const float> parameters,
                                                       std::span<const std::int32_t> text) {
  network().forward(parameters, {.tokens = text}, 1, asked_);
  return asked_;
}

std::span<const float> LanguageModel::next(std::span<const float> parameters,
                                           std::span<const std::int32_t> text) {
  logits_.resize(static_cast<std::size_t>(network().spec().vocabulary));
  const std::size_t most = std::min(text.size(), static_cast<std::size_t>(spec_.network.context));
  network().next(parameters, text.last(most), asked_, logits_);
  return logits_;
}

std::span<const float> LanguageModel::extend(std::span<const float> parameters, std::int32_t token) {
  logits_.resize(static_cast<std::size_t>(network().spec().vocabulary));
  network().extend(parameters, token, cache_, logits_);
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
