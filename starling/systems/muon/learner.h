#pragma once
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "starling/nets/expert_mixture.h"
#include "starling/nets/mlp.h"
#include "starling/systems/muon/train_problem.h"

namespace starling::muon {

/// All that a training run must remember.
struct LearnerState {
  std::vector<float> parameters;
  optim::BlockOptimizer<float> optimizer;
  std::int64_t step = 0;
  std::vector<float> moved{};  ///< the last step's change of all parameters
  double dissipated = 0;       ///< Σ <momentum, -change> over the matrices of all steps
  bool warned_unstable = false, warned_cycling = false;
};

/// What one step did.
struct StepReport {
  double loss = 0, gradient_norm = 0, rate = 0;
};

/// Losses of the rows of a sample, and of a classifier how many rows it names rightly.
struct Judgement {
  std::vector<double> losses;  ///< nats, or half the squared error in units of the targets' variance
  std::int64_t right = 0;
};

/// A network that learns a TrainProblem.
class Learner {
 public:
  Learner(const TrainSpec& spec, const TrainProblem& problem);

  LearnerState start() const;
  base::Index parameter_count() const;
  const std::vector<nets::Block>& blocks() const;
  /// The blocks as an optimiser sees them: matrices are those between the first and the last layer.
  const std::vector<optim::TrainedBlock>& trained_blocks() const { return trained_; }

  /// One step on the batch of state.step. Error{numerical} that names the step once loss or gradient are not
  /// finite, before anything has changed.
  StepReport step(LearnerState& state);
  /// The gradient of the last step's batch at other parameters: what curvature is measured by.
  std::span<const float> gradient_of_last_batch(std::span<const float> parameters);
  /// The gradient that the last step took, before clipping.
  std::span<const float> gradient() const { return gradient_; }

  Judgement judge(std::span<const float> parameters, const Sample& sample);
  base::Points<float> outputs(std::span<const float> parameters, const base::Points<float>& inputs);

 private:
  double loss_and_gradient(std::span<const float> parameters, std::span<float> gradient);
  double loss_of(const base::Points<float>& out, const Sample& sample, std::vector<double>& each,
                 base::Points<float>& d_out) const;

  template <class Network>
  struct Part {
    explicit Part(const auto& spec) : network(spec) {}
    Network network;
    typename Network::Workspace workspace;
    void forward(std::span<const float> parameters, const base::Points<float>& x, base::Points<float>& out);
  };

  const TrainSpec& spec_;
  const TrainProblem& problem_;
  std::variant<Part<nets::Mlp<float>>, Part<nets::ExpertMixture<float>>> part_;
  std::vector<optim::TrainedBlock> trained_;
  Sample batch_;
  base::Points<float> out_, d_out_;
  std::vector<double> each_;
  std::vector<float> gradient_, other_gradient_;
};

}  // namespace starling::muon
