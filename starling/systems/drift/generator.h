#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "starling/nets/mlp.h"
#include "starling/optim/block_optimizer.h"
#include "starling/systems/drift/problem.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// Everything that a training run must remember; checkpointable and complete.
struct GeneratorState {
  std::vector<float> parameters, average;
  optim::BlockOptimizer<float> optimizer;
  std::int64_t step = 0;
  double smoothed_loss = 0;  ///< running mean with decay 0.96, as the authors' notebook prints
};

/// What one step measured.
struct StepReport {
  double loss = 0;  ///< mean over samples and coordinates of |step V|^2: no factor 1/2
  double gradient_norm = 0;
  double drift_norm = 0;  ///< root mean square of |V| a sample
};

/// A one-step generator: a network from noise (and class) to sample, trained towards the fixed target x +
/// step V(x). Deng et al., "Generative modeling via drifting" (2026): the gradient stops at the target.
class Generator {
 public:
  Generator(const Spec& spec, const Problem& problem);

  const nets::Mlp<float>& network() const { return network_; }
  GeneratorState start() const;

  /// One optimiser step. Error{numerical} that names the step once samples, loss or gradient diverge. All
  /// random numbers are keyed by (seed, state.step): replaying a step replays its bytes.
  StepReport step(GeneratorState& state);

  /// Fits the feature map, which step() and field() need; an autoencoder trains here. Errors as FeatureMap.
  void fit_features();
  const FeatureMap& features() const { return *features_; }

  /// n samples in the network's units, from the averaged parameters. `labels` (n) or empty; `guidance` is
  /// read by a generator that learned it.
  base::Points<float> sample(const std::vector<float>& parameters, base::Stream& stream,
                             std::span<const std::int32_t> labels, base::Index n, double guidance = 1);

  /// The same from given noise (n, spec.generator.noise).
  base::Points<float> sample(const std::vector<float>& parameters, const base::Points<float>& noise,
                             std::span<const std::int32_t> labels, double guidance = 1);

  /// tau or h of each temperature at `step`, in units of the features; of `release` multiples of the mean
  /// distance.
  std::vector<double> scales(std::int64_t step) const;

  /// The field that drives the particles x of one class towards y, at this step's scale, all of them
  /// features; `negatives`, of one `weight`, push as x does.
  base::Points<float> field(const base::Points<float>& x, const base::Points<float>& y, std::int64_t step,
                            const base::Points<float>& negatives = {}, double weight = 1) const;

 private:
  void draw_inputs(std::uint64_t step);
  void drift_class(base::Index label, std::int64_t step);

  const Spec& spec_;
  const Problem& problem_;
  nets::Mlp<float> network_;
  std::unique_ptr<FeatureMap> features_;
  double length_ = 1;  // what the scales of the spec are multiples of
  float reach_;        // samples beyond it have diverged
  nets::Mlp<float>::Workspace workspace_;
  base::Points<float> noise_, out_, drift_;
  std::vector<std::int32_t> labels_;
  std::vector<float> guidance_;
  std::vector<float> gradient_;
};

}  // namespace starling::drift
