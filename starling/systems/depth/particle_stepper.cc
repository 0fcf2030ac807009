#include "starling/systems/depth/particle_stepper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/base/error.h"
#include "starling/kernels/entries.h"

namespace starling::depth {

using base::Error;
using base::ErrorKind;

// Heads, or neurons, of all lanes.
struct ParticleStepper::Species {
  optim::ParticleAdamWSpec adam;
  optim::ParticleLayout layout;
  optim::ParticleAdamWState<double> state;

  Species(const optim::ParticleAdamWSpec& spec, double raw_scale, const Optimiser& optimiser,
          const optim::ParticleLayout& where)
      : adam(spec), layout(where), state(layout, spec.second) {
    if (optimiser.units == EpsilonUnits::raw) adam.gradient_scale = raw_scale;
  }
  void step(double rate, double* weights, const double* gradient) {
    optim::particle_adamw_step(adam, rate, layout, weights, gradient, state);
  }
};

// One lane's network as two stacks of matrices, all Q, K, V and then all O, and its neurons.
struct ParticleStepper::Matrices {
  HeadShape shape;
  std::vector<double> weights, gradient;
  optim::BlockOptimizer<double> rule;

  Matrices(const HeadShape& of, const optim::TrainerSpec& spec)
      : shape(of),
        weights(static_cast<std::size_t>(of.size())),
        gradient(weights.size()),
        rule(spec, blocks(of), of.size()) {}

  static std::vector<optim::TrainedBlock> blocks(const HeadShape& s) {
    const Index heads = s.layers * s.heads, neurons = s.size() - s.heads_size();
    std::vector<optim::TrainedBlock> out = {
        {"qkv", 0, s.head_width, s.width, true, 3 * heads},
        {"o", 3 * heads * s.matrix(), s.width, s.head_width, true, heads}};
    if (neurons > 0) out.push_back({"neurons", s.heads_size(), 1, neurons});
    return out;
  }

  // Calls move(place in the stacks, place in the network) for every number.
  template <class Move>
  void for_each(const Move& move) const {
    const Index heads = shape.layers * shape.heads, three = 3 * shape.matrix();
    for (Index h = 0; h < heads; ++h) {
      for (Index e = 0; e < three; ++e) move(h * three + e, h * shape.head() + e);
      for (Index e = 0; e < shape.matrix(); ++e)
        move(heads * three + h * shape.matrix() + e, h * shape.head() + three + e);
    }
    for (Index e = shape.heads_size(); e < shape.size(); ++e) move(e, e);
  }

  void step(double rate, std::span<double> all, std::span<const double> slope, Index lane, Index lanes) {
    const auto at = [&](Index e) { return static_cast<std::size_t>(e * lanes + lane); };
    bool finite = true;
    for_each([&](Index to, Index from) {
      weights[static_cast<std::size_t>(to)] = all[at(from)];
      gradient[static_cast<std::size_t>(to)] = slope[at(from)];
      finite = finite && std::isfinite(slope[at(from)]);
    });
    if (finite) {
      rule.step(rate, weights, gradient);
    } else {
      std::ranges::fill(weights, std::numeric_limits<double>::quiet_NaN());
    }
    for_each([&](Index from, Index to) { all[at(to)] = weights[static_cast<std::size_t>(from)]; });
  }
};

void validate(const Optimiser& optimiser) {
  optim::validate(optimiser.adam);
  if (!(optimiser.rate > 0) || !std::isfinite(optimiser.rate))
    throw Error(ErrorKind::usage,
                fmt::format("training: lr = {}; expected a positive number", optimiser.rate));
}

double mean_field_epsilon(const NetworkSpec& network, const Optimiser& optimiser) {
  return optimiser.adam.epsilon / (optimiser.units == EpsilonUnits::raw ? network.scale() : 1);
}

ParticleStepper::ParticleStepper(const NetworkSpec& network, const Optimiser& optimiser, Index lanes,
                                 bool keep_going)
    : shape_(network.shape), rate_(optimiser.rate), lanes_(lanes), keep_going_(keep_going) {
  if (optimiser.other.rule == optim::Rule::adamw) {
    species_.emplace_back(optimiser.adam, network.scale(), optimiser,
                          optim::ParticleLayout{shape_.layers * shape_.heads, 4, shape_.matrix(), lanes});
    species_.emplace_back(optimiser.adam, network.neuron_scale(), optimiser,
                          optim::ParticleLayout{shape_.layers * shape_.neurons, 2, shape_.width, lanes});
    return;
  }
  optim::TrainerSpec rule = optimiser.other;
  rule.adam.beta1 = optimiser.adam.beta1;
  rule.adam.beta2 = optimiser.adam.beta2;
  rule.adam.decay = optimiser.adam.decay;
  for (Index lane = 0; lane < lanes; ++lane) networks_.emplace_back(shape_, rule);
}

ParticleStepper::~ParticleStepper() = default;

void ParticleStepper::step(std::span<double> weights, std::span<const double> gradient) {
  if (!keep_going_ &&
      !std::isfinite(kernels::largest_entry(gradient.data(), static_cast<Index>(gradient.size()))))
    report(gradient);
  ++steps_;
  for (std::size_t lane = 0; lane < networks_.size(); ++lane)
    networks_[lane].step(rate_, weights, gradient, static_cast<Index>(lane), lanes_);
  Index offset = 0;
  for (Species& one : species_) {
    if (one.layout.size() > 0) one.step(rate_, weights.data() + offset, gradient.data() + offset);
    offset += one.layout.size();
  }
}

void ParticleStepper::report(std::span<const double> gradient) const {
  const Index bad =
      std::ranges::find_if_not(gradient, [](double g) { return std::isfinite(g); }) - gradient.begin();
  const Index entry = bad / lanes_, after = entry - shape_.heads_size();
  const bool in_head = after < 0;
  const double value = gradient[static_cast<std::size_t>(bad)];
  const Index count = in_head ? shape_.heads : shape_.neurons,
              particle = in_head ? entry / shape_.head() : after / (2 * shape_.width);
  throw Error(ErrorKind::numerical,
              fmt::format("training: at step {} the gradient of layer {}, {} {} is {}; lower lr", steps_ + 1,
                          particle / count, in_head ? "head" : "neuron", particle % count,
                          std::isnan(value) ? std::abs(value) : value));
}

}  // namespace starling::depth
