#include "starling/systems/depth/limit_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "starling/base/error.h"

namespace starling::depth {
namespace {

std::vector<Index> indices(const std::vector<std::int64_t>& values) {
  return {values.begin(), values.end()};
}

void describe_problem(study::Description& d, LimitProblem& problem) {
  d.section("problem", "The law of the heads and the tokens, by formula.");
  d.integer("atoms", problem.atoms, {.minimum = 2, .maximum = 512}, "heads that the law is uniform on");
  d.integer("head_width", problem.head_width, {.minimum = 1, .maximum = 64}, "rows of Q, K and V");
  d.integer("width", problem.width, {.minimum = 1, .maximum = 256}, "of a token");
  d.integer("tokens", problem.tokens, {.minimum = 1, .maximum = 512}, "of the sequence");
  d.integer("law_seed", problem.law_seed, {.minimum = 0}, "of the atoms");
  d.integer("token_seed", problem.token_seed, {.minimum = 0}, "of the tokens");
  d.real("outward", problem.outward, {}, "how much values point back to their tokens; 0: no drift at first");
}

}  // namespace

void describe(study::Description& d, LimitStudySpec& spec) {
  study::describe_common(d, spec.common);
  describe_problem(d, spec.problem);
  constexpr study::Range count{.minimum = 1, .maximum = 4096};
  d.section("study", "Errors of drawn networks against the limit of infinitely many layers and heads.");
  d.integers("layers", spec.layers, count, "depths of the table");
  d.integers("heads", spec.heads, count, "heads of a layer of the table");
  d.integers("steps", spec.steps, {.minimum = 0, .maximum = 10000},
             "of AdamW, before which errors are measured");
  d.integer("replicas", spec.replicas, {.minimum = 2, .maximum = 100000}, "networks of a cell");
  d.boolean("causal", spec.causal, "whether a token sees only those before it");
  d.real("target", spec.target, {.minimum = 0, .open_minimum = true},
         "an error of the hidden states: how many layers times heads does it take");
  d.integers("transfer_layers", spec.transfer_layers, count, "depths that are to share a learning rate");
  d.integer("transfer_replicas", spec.transfer_replicas, {.minimum = 1, .maximum = 10000},
            "networks behind a point of a transfer curve");
  d.integers("token_counts", spec.token_counts, {.minimum = 1, .maximum = 1024},
             "over which the error must not grow");
  d.integers("widths", spec.widths, {.minimum = 4, .maximum = 256},
             "of tokens, over which the movement of features must not grow; multiples of 4");
  d.section("train", "AdamW on the mean field's gradients.");
  d.real("rate", spec.optimiser.rate, {.minimum = 0, .open_minimum = true}, "its learning rate");
  d.real("beta1", spec.optimiser.adam.beta1, {.minimum = 0, .maximum = 0.9999}, "of the momentum");
  d.real("beta2", spec.optimiser.adam.beta2, {.minimum = 0, .maximum = 0.9999}, "of the second moment");
  d.real("epsilon", spec.optimiser.adam.epsilon, {.minimum = 0, .open_minimum = true}, "see epsilon_units");
  d.choice("epsilon_units", spec.optimiser.units,
           {{"mean_field", EpsilonUnits::mean_field}, {"raw", EpsilonUnits::raw}},
           "of the gradient L H dloss/dtheta, or of dloss/dtheta itself, which freezes deep networks");
  d.real("weight_decay", spec.optimiser.adam.decay, {.minimum = 0}, "decoupled, times the rate");
  using S = optim::SecondMomentScope;
  d.choice("second_moment", spec.optimiser.adam.second,
           {{"element", S::element},
            {"block_sum", S::block_sum},
            {"block_mean", S::block_mean},
            {"head_sum", S::head_sum}},
           "what the momentum is divided by");
}

void require_consistent(const LimitStudySpec& spec) {
  const auto refuse = [](const std::string& text) { return base::Error(base::ErrorKind::usage, text); };
  const auto several = [&](const char* key, const std::vector<std::int64_t>& values) {
    if (std::set(values.begin(), values.end()).size() < 2)
      throw refuse(fmt::format("study.{} has fewer than two values; expected several to compare", key));
  };
  several("layers", spec.layers);
  several("heads", spec.heads);
  several("transfer_layers", spec.transfer_layers);
  several("token_counts", spec.token_counts);
  several("widths", spec.widths);
  if (spec.steps.empty() || spec.steps.front() != 0 ||
      std::adjacent_find(spec.steps.begin(), spec.steps.end(), std::greater_equal<>()) != spec.steps.end())
    throw refuse("study.steps must ascend from 0, such as [0, 1, 10, 50]");
  for (const std::int64_t width : spec.widths) {
    if (width % 4 != 0) throw refuse(fmt::format("study.widths: {}; expected multiples of 4", width));
  }
}

JointStudySpec LimitStudySpec::joint() const {
  return {.layers = indices(layers),
          .heads = indices(heads),
          .watch = indices(steps),
          .replicas = replicas,
          .optimiser = optimiser,
          .causal = causal,
          .seed = static_cast<std::uint64_t>(common.seed)};
}

HeadLaw LimitStudySpec::law() const {
  return formula_law(problem.atoms, problem.head_width, problem.width,
                     static_cast<std::uint64_t>(problem.law_seed), problem.outward);
}

}  // namespace starling::depth
