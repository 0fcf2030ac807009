#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/base/random.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

/// A law of heads with finitely many atoms, each as likely as the others: the limit of a network whose heads
/// are drawn from it is the network that has all atoms in every layer, up to the error of the Euler scheme.
struct HeadLaw {
  Index head_width = 0, width = 0;
  std::vector<double> heads;      ///< [atom][Q, K, V, O], as HeadShape has a layer
  std::vector<double> neurons{};  ///< [atom][w, u]; empty without a second species

  HeadShape shape(Index layers, Index heads_per_layer, Index neurons_per_layer = 0) const {
    return {layers, heads_per_layer, head_width, width, neurons_per_layer};
  }
  Index neuron_atoms() const { return static_cast<Index>(neurons.size()) / (2 * width); }
  Index atoms() const { return static_cast<Index>(heads.size()) / (4 * head_width * width); }
};

/// All atoms in every layer: weights of law.shape(layers, law.atoms(), law.neuron_atoms()).
std::vector<double> stratified_heads(const HeadLaw& law, Index layers);

/// Heads, then neurons, drawn independently: weights of law.shape(layers, heads, neurons); no neurons without
/// atoms of theirs.
std::vector<double> drawn_heads(const HeadLaw& law, Index layers, Index heads, base::Stream& stream,
                                Index neurons = 0);

/// Number i, counted from 0, of SplitMix64's stream of uniform numbers in [0, 1).
double split_mix(std::uint64_t seed, std::uint64_t i);

/// Atoms by formula: Q, K, V and E with entries w (2 split_mix - 1), w = √(6/(width + head_width)) (Xavier's
/// uniform law), in order of matrix, atom, row, column; O = outward Vᵀ + Eᵀ. With outward = 0 the drift of
/// the tokens has mean 0; with more, values point back to their tokens.
HeadLaw formula_law(Index atoms, Index head_width, Index width, std::uint64_t seed, double outward);

/// (tokens, width) entries 2 split_mix - 1; `unit` scales every token to length 1.
std::vector<double> formula_tokens(Index tokens, Index width, std::uint64_t seed, bool unit = false);

/// Y[i, a] = .8 X[i, a - 1] + .5 sin 2 X[i, a] - .5 mean_i X[i, a], a - 1 counted round.
std::vector<double> formula_targets(std::span<const double> x, Index width);

}  // namespace starling::depth
