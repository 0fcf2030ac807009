#pragma once
#include <functional>
#include <span>
#include <vector>

#include "starling/systems/depth/network.h"
#include "starling/systems/depth/particle_stepper.h"

namespace starling::depth {

struct TrainingSpec {
  NetworkSpec network;
  Optimiser optimiser{};
  Index tokens = 0, steps = 0;
  bool keep_going = false;     ///< replicas that diverge go on as NaN, each by itself, instead of an error
  std::vector<Index> watch{};  ///< steps k, ascending, before which a snapshot is taken; 0 to `steps`
};

/// After `step` steps.
struct Snapshot {
  Index step = 0;
  double loss = 0;
  std::vector<double> output;   ///< x_L
  std::vector<double> adjoint;  ///< P = tokens ∂(loss of the sequence)/∂x_0, which is O(1) in the tokens
};

struct Trained {
  std::vector<double> losses;  ///< after k = 0..steps steps
  std::vector<Snapshot> snapshots;
  std::vector<double> weights;
};

/// Trains one network on a full batch of sequences. Error{usage} for what does not fit, Error{numerical} that
/// names step, layer and head for a gradient that is not finite.
Trained train(const TrainingSpec& spec, std::vector<double> weights, std::span<const double> x,
              std::span<const double> y);

/// Trains networks of one shape on one sequence, one in every lane of a vector, on all threads;
/// start(replica) gives the weights of each, and must not depend on the order of its calls. `keep_weights`
/// fills Trained::weights.
std::vector<Trained> train_replicas(const TrainingSpec& spec, Index replicas,
                                    const std::function<std::vector<double>(Index replica)>& start,
                                    std::span<const double> x, std::span<const double> y,
                                    bool keep_weights = false);

}  // namespace starling::depth
