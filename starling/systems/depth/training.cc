#include "starling/systems/depth/training.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/simd/lane_vector.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using kernels::LaneWeights;

void validate(const TrainingSpec& spec, std::span<const double> x, std::span<const double> y) {
  validate(spec.network);
  validate(spec.optimiser);
  if (spec.steps < 0)
    throw Error(ErrorKind::usage, fmt::format("training: steps = {}; expected 0 or more", spec.steps));
  const Index entries = spec.tokens * spec.network.shape.width;
  if (entries < 1 || x.empty() || static_cast<Index>(x.size()) % entries != 0 || x.size() != y.size()) {
    throw Error(ErrorKind::usage,
                fmt::format("training: x has {} numbers and y {}; expected as many of both, sequences of {} "
                            "tokens with {} numbers each",
                            x.size(), y.size(), spec.tokens, spec.network.shape.width));
  }
}

bool watched(const TrainingSpec& spec, Index k) {
  return std::find(spec.watch.begin(), spec.watch.end(), k) != spec.watch.end();
}

// A vector of replicas, from `first` on, trained together.
class Crew {
 public:
  Crew(const TrainingSpec& spec, std::span<const double> x, std::span<const double> y)
      : spec_(spec),
        y_(y),
        network_(spec.network, spec.tokens, LaneWeights::own),
        lanes_(network_.lanes()),
        size_(spec.network.shape.size()),
        weights_(static_cast<std::size_t>(size_ * lanes_)),
        gradient_(static_cast<std::size_t>(size_ * lanes_)),
        stepper_(spec.network, spec.optimiser, lanes_, spec.keep_going) {
    for (Index lane = 0; lane < lanes_; ++lane) put_lane(x, lane, lanes_, network_.input());
  }

  void run(Index first, Index count, const std::function<std::vector<double>(Index)>& start, Trained* out,
           bool keep_weights) {
    for (Index lane = 0; lane < lanes_; ++lane) {
      // A lane without a replica of its own repeats the last one, unseen.
      const std::vector<double> own = start(first + std::min(lane, count - 1));
      if (static_cast<Index>(own.size()) != size_) {
        throw Error(ErrorKind::usage, fmt::format("training: a replica has {} weights; its shape asks for {}",
                                                  own.size(), size_));
      }
      put_lane<double>(own, lane, lanes_, weights_.data());
    }
    for (Index k = 0; k <= spec_.steps; ++k) {
      evaluate(k, count, out);
      if (k < spec_.steps) stepper_.step(weights_, gradient_);
    }
    for (Index lane = 0; keep_weights && lane < count; ++lane) {
      out[lane].weights.resize(static_cast<std::size_t>(size_));
      take_lane<double>(weights_.data(), lane, lanes_, out[lane].weights);
    }
  }

 private:
  void evaluate(Index k, Index count, Trained* out) {
    const double* end = network_.forward(weights_.data());
    const bool watch = watched(spec_, k);
    const Index entries = network_.entries();
    const double tokens = static_cast<double>(spec_.tokens);
    double* p = network_.adjoint();
    for (Index lane = 0; lane < lanes_; ++lane) {
      double squares = 0;
      for (Index e = 0; e < entries; ++e) {
        const double apart = end[e * lanes_ + lane] - y_[static_cast<std::size_t>(e)];
        squares += apart * apart;
        p[e * lanes_ + lane] = apart / tokens;
      }
      if (lane >= count) continue;
      out[lane].losses.push_back(squares / (2 * tokens));
      if (watch) {
        out[lane].snapshots.push_back(
            {k, out[lane].losses.back(), std::vector<double>(y_.size()), std::vector<double>(y_.size())});
        take_lane<double>(end, lane, lanes_, out[lane].snapshots.back().output);
      }
    }
    if (k == spec_.steps && !watch) return;
    std::fill(gradient_.begin(), gradient_.end(), 0.0);
    network_.backward(weights_.data(), k < spec_.steps ? gradient_.data() : nullptr);
    for (Index lane = 0; watch && lane < count; ++lane) {
      std::vector<double>& adjoint = out[lane].snapshots.back().adjoint;
      take_lane<double>(network_.adjoint(), lane, lanes_, adjoint);
      for (double& entry : adjoint) entry *= tokens;
    }
  }

  const TrainingSpec& spec_;
  std::span<const double> y_;
  LaneNetwork<double> network_;
  Index lanes_, size_;
  simd::LaneVector weights_, gradient_;
  ParticleStepper stepper_;
};

}  // namespace

Trained train(const TrainingSpec& spec, std::vector<double> weights, std::span<const double> x,
              std::span<const double> y) {
  validate(spec, x, y);
  const Index sequences = static_cast<Index>(x.size()) / (spec.tokens * spec.network.shape.width);
  Network<double> network(spec.network, spec.tokens, sequences);
  ParticleStepper stepper(spec.network, spec.optimiser, 1, spec.keep_going);
  std::vector<double> gradient(weights.size()), p0(x.size()), output(x.size());
  Trained out;
  for (Index k = 0; k <= spec.steps; ++k) {
    out.losses.push_back(network.gradient(weights, x, y, gradient, p0, output));
    if (watched(spec, k)) {
      out.snapshots.push_back({k, out.losses.back(), output, p0});
      for (double& entry : out.snapshots.back().adjoint)
        entry *= static_cast<double>(spec.tokens * sequences);
    }
    if (k < spec.steps) stepper.step(weights, gradient);
  }
  out.weights = std::move(weights);
  return out;
}

std::vector<Trained> train_replicas(const TrainingSpec& spec, Index replicas,
                                    const std::function<std::vector<double>(Index replica)>& start,
                                    std::span<const double> x, std::span<const double> y, bool keep_weights) {
  validate(spec, x, y);
  if (static_cast<Index>(x.size()) != spec.tokens * spec.network.shape.width)
    throw Error(ErrorKind::usage, "training: replicas take one sequence");
  std::vector<Trained> out(static_cast<std::size_t>(replicas));
  base::parallel_chunks(replicas, kernels::attention_lanes<double>(), [&](Index begin, Index end) {
    Crew(spec, x, y).run(begin, end - begin, start, out.data() + begin, keep_weights);
  });
  return out;
}

}  // namespace starling::depth
