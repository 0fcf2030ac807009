#include "starling/systems/depth/limit_pictures.h"

#include <fmt/format.h>

#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/token_pictures.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;

constexpr Index layers = 16;

}  // namespace

void record_pictures(const LimitStudySpec& spec, study::Store& store) {
  const HeadLaw law = spec.law();
  const Index tokens = spec.problem.tokens;
  const Numbers x = formula_tokens(tokens, law.width, static_cast<std::uint64_t>(spec.problem.token_seed)),
                y = formula_targets(x, law.width), start = stratified_heads(law, layers);
  const NetworkSpec network{.shape = law.shape(layers, law.atoms()), .causal = spec.causal};
  const Trained run =
      train({.network = network, .optimiser = spec.optimiser, .tokens = tokens, .steps = spec.steps.back()},
            start, x, y);
  const std::vector<Numbers> path = tokens_over_depth(network, run.weights, tokens, x);
  record_tokens(store, "8-tokens", fmt::format("Tokens over depth after {} steps", spec.steps.back()), path,
                law.width, y);
  const auto middle = static_cast<std::size_t>(layers / 2);
  const std::vector<Numbers> before = tokens_over_depth(network, start, tokens, x);
  record_attention(store, "9-attention-0", "Attention in the middle, before training", network, start,
                   layers / 2, before[middle], tokens);
  record_attention(store, "9-attention-1",
                   fmt::format("Attention in the middle, after {} steps", spec.steps.back()), network,
                   run.weights, layers / 2, path[middle], tokens);
}

}  // namespace starling::depth
