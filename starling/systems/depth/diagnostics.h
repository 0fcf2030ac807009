#pragma once
#include <span>
#include <vector>

#include "starling/base/random.h"
#include "starling/math/statistics.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

// How far one network is from its limit of infinitely many layers and heads, without a reference. The squared
// error of the hidden states is E + F: E of the Euler scheme, which falls as L^-2, and F of the heads'
// fluctuation, which falls as 1/(L H). Each function gives one mean over the tokens for every sequence of x,
// (sequences, tokens, width), and throws Error{usage} unless α = 1.

/// mean_i |x_i - y_i|² of what `factor` neighbouring layers, evaluated side by side, change: a network of L /
/// factor layers of factor H heads with the same weights. Merged pairs estimate E; merged m-tuples change (m
/// - 1)² times as much where the Euler scheme's error is of first order. `factor` must divide L.
std::vector<double> merging_change(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                                   std::span<const double> x, Index factor = 2);

/// F from the distance of the networks of either half of the heads, and of the neurons, mean_i |x_A - x_B|²
/// ab / (a + b)² for a and b heads: in the order that they lie in, or dealt anew in every layer. It assumes
/// heads that are independent: those that were trained adapt to each other, and the estimate grows. At least
/// two heads, an even number of neurons.
std::vector<double> halves_fluctuation(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                                       std::span<const double> x, base::Stream* deal = nullptr);

/// F from networks of one shape that were trained alike from independent starts, at least two: mean_i of the
/// sample variance Σ_k |x_k,i - x̄_i|² / (K - 1), which has no bias, training or none. The mean over the
/// sequences has the interval of the jackknife over networks, infinite for two.
struct SeedsFluctuation {
  std::vector<double> by_sequence;
  math::MeanInterval mean;
};
SeedsFluctuation seeds_fluctuation(const NetworkSpec& spec, std::span<const std::vector<double>> networks,
                                   Index tokens, std::span<const double> x);

/// The first two, with heads in their order, as means over the sequences.
struct NetworkDiagnostics {
  double euler = 0, fluctuation = 0;
};
NetworkDiagnostics diagnose(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                            std::span<const double> x);

/// L' and H', not rounded, at which the root of E (L / L')² + F L H / (L' H') is `target`: more layers of as
/// many heads, or more heads in as many layers, infinite where √E alone is above the target.
struct SizesForError {
  double layers = 0, heads = 0;
};
SizesForError sizes_for_error(double euler, double fluctuation, Index layers, Index heads, double target);

}  // namespace starling::depth
