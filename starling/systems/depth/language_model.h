#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "starling/data/tokens.h"
#include "starling/math/statistics.h"
#include "starling/nets/gpt.h"
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

/// All that a training run must remember.
struct LanguageState {
  std::vector<float> parameters;
  optim::BlockOptimizer<float> matrices, vectors;  ///< weights decay, gains and biases do not
  std::int64_t step = 0;
};

/// What one step did.
struct LanguageStep {
  double loss = 0, gradient_norm = 0, rate = 0;
};

/// A GPT and what training it needs.
class LanguageModel {
 public:
  LanguageModel(const LanguageSpec& spec, std::int64_t vocabulary);

  LanguageState start() const;
  const nets::Gpt<float>& network() const { return network_; }
  /// Bytes of a step: parameters, gradient, optimiser and activations.
  double step_bytes() const;

  /// One step on a batch that is a function of (seed, state.step). Error{numerical} that names the step and
  /// the first tensor whose gradient is not finite, with its layer and, of attention, its head; before
  /// anything has changed.
  LanguageStep step(LanguageState& state, std::span<const std::int32_t> text);

  /// -log probability in nats of each token but the first, in windows of `context` tokens.
  std::vector<double> losses(std::span<const float> parameters, std::span<const std::int32_t> text);
  /// Logits of the token after `text`, of which the last `context` tokens count.
  std::span<const float> next(std::span<const float> parameters, std::span<const std::int32_t> text);

 private:
  void draw(std::int64_t step, std::span<const std::int32_t> text);
  [[noreturn]] void refuse_gradient(std::int64_t step, double loss) const;

  LanguageSpec spec_;
  nets::Gpt<float> network_;
  nets::Gpt<float>::Workspace workspace_, asked_;
  std::vector<std::int32_t> tokens_, targets_;
  std::vector<double> each_;
  std::vector<float> gradient_, logits_;
};

/// Mean of the losses, with an interval that takes windows of `context` tokens as independent; infinite for
/// fewer than two windows.
math::MeanInterval mean_of_windows(std::span<const double> losses, std::int64_t context);

}  // namespace starling::depth
