#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "starling/data/safetensors.h"
#include "starling/nets/gpt.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/schedule.h"
#include "starling/study/description.h"

namespace starling::depth {

/// Sizes that a spec may choose of a GPT.
struct GptSizes {
  std::int64_t context = 64, layers = 4, heads = 4, width = 128;
  bool bias = false, tied = false;

  nets::GptSpec spec() const;  ///< without what it reads and gives
};

/// All but the context.
void describe_sizes(study::Description& description, GptSizes& sizes);

/// How a GPT is trained.
struct GptTraining {
  std::int64_t steps = 800, batch = 12;
  optim::TrainerSpec trainer{.adam = {.beta2 = 0.99, .decay = 0.1}};
  optim::Schedule schedule{.warm_up = 50, .floor = 0.1};
  double clip = 1;
  std::int64_t checkpoint_every = 200, measurements = 20;
};

/// The section `train`. `judged` says what is measured along the way.
void describe_training(study::Description& description, GptTraining& training, const std::string& batch,
                       const std::string& judged);

/// All that a training run must remember.
struct GptState {
  std::vector<float> parameters;
  optim::BlockOptimizer<float> matrices, vectors;  ///< weights decay, gains and biases do not
  std::int64_t step = 0;
};

/// The state's tensors into a file.
void add_state(data::TensorFile& file, GptState& state);

/// What one step did.
struct GptStep {
  double loss = 0, gradient_norm = 0, rate = 0;
};

/// A GPT and the rule that moves its parameters.
class GptTrainer {
 public:
  GptTrainer(const nets::GptSpec& network, const GptTraining& training, std::int64_t seed);

  GptState start() const;
  /// The state of a file named `from`. Error{input} that names the tensor which is missing or of another
  /// size.
  GptState load(const data::TensorFile& file, const std::string& from) const;
  const nets::Gpt<float>& network() const { return network_; }
  std::int64_t seed() const { return seed_; }
  std::int64_t batch() const { return training_.batch; }
  /// Bytes of a step on sequences of that length: parameters, gradient, optimiser and activations.
  double step_bytes(std::int64_t length) const;

  /// One step along the gradient of `loss`, which it clips. Error{numerical} that names the step and the
  /// first tensor whose gradient is not finite, with its layer and, of attention, its head; before anything
  /// has changed.
  GptStep apply(GptState& state, double loss, std::span<float> gradient) const;

 private:
  [[noreturn]] void refuse(std::int64_t step, double loss, std::span<const float> gradient) const;

  nets::Gpt<float> network_;
  GptTraining training_;
  std::int64_t seed_;
};

}  // namespace starling::depth
