#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "starling/data/tokens.h"
#include "starling/math/statistics.h"
#include "starling/nets/gpt.h"
#include "starling/systems/depth/gpt_trainer.h"
#include "starling/systems/depth/language_spec.h"

namespace starling::depth {

/// The tokenizer of a spec. Characters are those of `alphabet`, named `name` in errors.
data::Tokenizer tokenizer_of(const LanguageSpec& spec, const std::string& alphabet, const std::string& name);

/// A text as tokens: what is learned from, and the end of it, which is held out.
struct Corpus {
  data::Tokenizer tokenizer;
  std::vector<std::int32_t> training, held_out;
};

/// Reads the text of a spec. Error{usage} without a path; Error{input} for an empty text, one whose parts are
/// too short for the context, and what the tokenizer refuses.
Corpus read_corpus(const LanguageSpec& spec);

/// A GPT and what training it needs.
class LanguageModel {
 public:
  LanguageModel(const LanguageSpec& spec, std::int64_t vocabulary);

  GptState start() const { return trainer_.start(); }
  GptState load(const data::TensorFile& file, const std::string& from) const {
    return trainer_.load(file, from);
  }
  const nets::Gpt<float>& network() const { return trainer_.network(); }
  /// Bytes of a step: parameters, gradient, optimiser and activations.
  double step_bytes() const { return trainer_.step_bytes(spec_.network.context); }

  /// One step on a batch that is a function of (seed, state.step). Errors as GptTrainer::apply().
  GptStep step(GptState& state, std::span<const std::int32_t> text);

  /// -log probability in nats of each token but the first, in windows of `context` tokens.
  std::vector<double> losses(std::span<const float> parameters, std::span<const std::int32_t> text);
  /// A forward pass over one sequence, at most `context` tokens, for its attention.
  const nets::Gpt<float>::Workspace& look(std::span<const float> parameters,
                                          std::span<const std::int32_t> text);
  /// Logits of the token after `text`, of which the last `context` tokens count.
  std::span<const float> next(std::span<const float> parameters, std::span<const std::int32_t> text);
  /// The same, of the tokens given to extend() so far, at most `context`, at the cost of the last of them.
  std::span<const float> extend(std::span<const float> parameters, std::int32_t token);
  void forget() { cache_.clear(); }
  std::size_t remembered() const { return static_cast<std::size_t>(cache_.length()); }

 private:
  void draw(std::int64_t step, std::span<const std::int32_t> text);

  LanguageSpec spec_;
  GptTrainer trainer_;
  nets::Gpt<float>::Workspace workspace_, asked_;
  nets::Gpt<float>::Cache cache_;
  std::vector<std::int32_t> tokens_, targets_;
  std::vector<double> each_;
  std::vector<float> gradient_, logits_;
};

/// Mean of the losses, with an interval that takes windows of `context` tokens as independent; infinite for
/// fewer than two windows.
math::MeanInterval mean_of_windows(std::span<const double> losses, std::int64_t context);

}  // namespace starling::depth
