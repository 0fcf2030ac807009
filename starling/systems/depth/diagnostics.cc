#include "starling/systems/depth/diagnostics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "starling/base/error.h"

namespace starling::depth {
namespace {

using base::Error;
using base::ErrorKind;
using Numbers = std::vector<double>;

Error refusal(const std::string& text) {
  return Error(ErrorKind::usage, "diagnostics: " + text);
}

Index sequences_of(const NetworkSpec& spec, Index tokens, std::span<const double> x) {
  validate(spec);
  if (spec.residual_exponent != 1)
    throw refusal(fmt::format("residual_exponent {}; expected 1", spec.residual_exponent));
  const Index entries = tokens * spec.shape.width;
  if (entries < 1 || x.empty() || static_cast<Index>(x.size()) % entries != 0) {
    throw refusal(fmt::format("x has {} numbers; expected sequences of {} tokens with {} numbers each",
                              x.size(), tokens, spec.shape.width));
  }
  return static_cast<Index>(x.size()) / entries;
}

Numbers end_of(NetworkSpec spec, const HeadShape& shape, std::span<const double> weights, Index tokens,
               std::span<const double> x) {
  spec.shape = shape;
  Network<double> network(spec, tokens, static_cast<Index>(x.size()) / (tokens * shape.width));
  Numbers out(x.size());
  network.forward(weights, x, out);
  return out;
}

// Of every sequence, share · mean_i |a_i - b_i|².
Numbers distances(const Numbers& a, const Numbers& b, Index tokens, Index sequences, double share) {
  const std::size_t size = a.size() / static_cast<std::size_t>(sequences);
  Numbers out(static_cast<std::size_t>(sequences), 0.0);
  for (std::size_t e = 0; e < a.size(); ++e) out[e / size] += (a[e] - b[e]) * (a[e] - b[e]);
  for (double& one : out) one *= share / static_cast<double>(tokens);
  return out;
}

double mean(const Numbers& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The variance from the squared distances to the centre. Without network k they sum to S - K / (K - 1) of its
// own; pseudo-values by Tukey (1958).
math::MeanInterval jackknife(const Numbers& apart) {
  const auto count = static_cast<double>(apart.size());
  const double all = std::accumulate(apart.begin(), apart.end(), 0.0), variance = all / (count - 1),
               infinite = std::numeric_limits<double>::infinity();
  if (apart.size() < 3) return {variance, -infinite, infinite};
  Numbers pseudo;
  for (const double own : apart)
    pseudo.push_back(count * variance - (count - 1) * (all - count / (count - 1) * own) / (count - 2));
  return math::mean_interval(pseudo);
}

// The weights of both halves of a species that begins at `offset`, layer by layer.
void deal_species(std::span<const double> weights, Index offset, Index layers, Index particles, Index size,
                  base::Stream* deal, Numbers (&halves)[2]) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(particles));
  for (Index l = 0; l < layers; ++l) {
    std::iota(order.begin(), order.end(), 0);
    if (deal != nullptr) deal->shuffle(order);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto from = weights.begin() + offset + (l * particles + order[i]) * size;
      Numbers& half = halves[static_cast<Index>(i) < particles / 2 ? 0 : 1];
      half.insert(half.end(), from, from + size);
    }
  }
}

}  // namespace

Numbers merging_change(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                       std::span<const double> x, Index factor) {
  const Index sequences = sequences_of(spec, tokens, x);
  const HeadShape& shape = spec.shape;
  if (factor < 1 || shape.layers % factor != 0)
    throw refusal(
        fmt::format("{} layers cannot be merged by {}; expected a multiple of it", shape.layers, factor));
  // Layers lie one after another: side by side is the same array.
  const HeadShape merged{shape.layers / factor, factor * shape.heads, shape.head_width, shape.width,
                         factor * shape.neurons};
  return distances(end_of(spec, merged, weights, tokens, x), end_of(spec, shape, weights, tokens, x), tokens,
                   sequences, 1);
}

Numbers halves_fluctuation(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                           std::span<const double> x, base::Stream* deal) {
  const Index sequences = sequences_of(spec, tokens, x);
  const HeadShape& shape = spec.shape;
  if (shape.heads < 2 || shape.neurons % 2 != 0) {
    throw refusal(fmt::format(
        "{} heads and {} neurons cannot be halved; expected at least 2, and an even number of neurons",
        shape.heads, shape.neurons));
  }
  Numbers halves[2];
  deal_species(weights, 0, shape.layers, shape.heads, shape.head(), deal, halves);
  deal_species(weights, shape.heads_size(), shape.layers, shape.neurons, 2 * shape.width, deal, halves);
  const Index few = shape.heads / 2, many = shape.heads - few;
  const auto end = [&](Index heads, const Numbers& half) {
    return end_of(spec, {shape.layers, heads, shape.head_width, shape.width, shape.neurons / 2}, half, tokens,
                  x);
  };
  const auto all = static_cast<double>(shape.heads);
  return distances(end(few, halves[0]), end(many, halves[1]), tokens, sequences,
                   static_cast<double>(few * many) / (all * all));
}

SeedsFluctuation seeds_fluctuation(const NetworkSpec& spec, std::span<const Numbers> networks, Index tokens,
                                   std::span<const double> x) {
  const Index sequences = sequences_of(spec, tokens, x);
  if (networks.size() < 2) throw refusal("one network has no seeds to compare; expected two or more");
  const auto count = static_cast<double>(networks.size());
  std::vector<Numbers> ends;
  Numbers centre(x.size(), 0.0);
  for (const Numbers& weights : networks) {
    ends.push_back(end_of(spec, spec.shape, weights, tokens, x));
    for (std::size_t e = 0; e < centre.size(); ++e) centre[e] += ends.back()[e] / count;
  }
  SeedsFluctuation out{Numbers(static_cast<std::size_t>(sequences), 0.0), {}};
  Numbers apart;  // of every network from the centre, a mean over the sequences
  for (const Numbers& end : ends) {
    const Numbers one = distances(end, centre, tokens, sequences, 1);
    for (std::size_t s = 0; s < one.size(); ++s) out.by_sequence[s] += one[s] / (count - 1);
    apart.push_back(mean(one));
  }
  out.mean = jackknife(apart);
  return out;
}

NetworkDiagnostics diagnose(const NetworkSpec& spec, std::span<const double> weights, Index tokens,
                            std::span<const double> x) {
  return {mean(merging_change(spec, weights, tokens, x)), mean(halves_fluctuation(spec, weights, tokens, x))};
}

SizesForError sizes_for_error(double euler, double fluctuation, Index layers, Index heads, double target) {
  const double square = target * target, infinite = std::numeric_limits<double>::infinity();
  // E t² + F t = target², t = L / L', by the root that does not cancel.
  const double t = 2 * square / (fluctuation + std::sqrt(fluctuation * fluctuation + 4 * euler * square));
  return {t > 0 ? static_cast<double>(layers) / t : infinite,
          euler < square ? static_cast<double>(heads) * fluctuation / (square - euler) : infinite};
}

}  // namespace starling::depth
