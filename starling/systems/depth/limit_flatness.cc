#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/limit_claims.h"

namespace starling::depth {
namespace {

using study::Claim;
using study::Verdict;
using Numbers = std::vector<double>;

// A ratio of the largest to the smallest over a size, whose values have been recorded.
Claim judge_ratio(Claim claim, const Numbers& values, double most) {
  const auto [low, high] = std::ranges::minmax(values);
  claim.value = high / low;
  claim.expected = fmt::format("at most {:g}", most);
  claim.verdict = std::isfinite(*claim.value) ? (*claim.value <= most ? Verdict::holds : Verdict::fails)
                                              : Verdict::inconclusive;
  return claim;
}

void draw(study::Store& store, const std::string& id, const std::string& title, const std::string& x_label,
          const std::vector<std::int64_t>& sizes,
          const std::vector<std::pair<std::string, Numbers>>& curves) {
  nlohmann::json groups = nlohmann::json::array();
  for (const auto& [label, values] : curves)
    groups.push_back({{"label", label}, {"x", sizes}, {"y", values}, {"mode", "lines+markers"}});
  store.record(study::Figure{
      id,
      title,
      "",
      {{"kind", "xy"}, {"x_label", x_label}, {"log_x", true}, {"log_y", true}, {"groups", groups}}});
}

Claim flat_in_tokens(Claim claim, const LimitStudySpec& spec, study::Store& store) {
  const HeadLaw law = spec.law();
  JointStudySpec joint = spec.joint();
  joint.watch = {0, 10};
  Numbers errors;
  for (const std::int64_t tokens : spec.token_counts) {
    const Numbers x = formula_tokens(tokens, law.width, static_cast<std::uint64_t>(spec.problem.token_seed)),
                  y = formula_targets(x, law.width);
    const JointCell cell =
        measure_cell(joint, law, 16, 4, 0, tokens, stratified_network(joint, law, 16, tokens, x, y), x, y);
    const Estimate& mean = cell.hidden[1].mean;
    errors.push_back(mean.value);
    store.record(study::Metric{.task = claim.id,
                               .name = fmt::format("squared error, {} tokens", tokens),
                               .value = mean.value,
                               .lower = mean.lower,
                               .upper = mean.upper});
  }
  draw(store, "5-tokens", "Squared error after 10 steps against the number of tokens", "tokens",
       spec.token_counts, {{"16 layers of 4 heads", errors}});
  return judge_ratio(std::move(claim), errors, 3);
}

// How far features move in one step of AdamW in a network of that width.
double feature_move(std::int64_t width, optim::SecondMomentScope second, double rate) {
  const HeadLaw law = formula_law(16, width / 4, width, 1, 0.5);
  constexpr Index tokens = 8;
  const Numbers x = formula_tokens(tokens, width, 2, true);
  Numbers y(x.size());
  for (Index i = 0; i < tokens; ++i) {
    for (Index a = 0; a < width; ++a)
      y[static_cast<std::size_t>(i * width + a)] =
          x[static_cast<std::size_t>(i * width + (a + width - 1) % width)];
  }
  JointStudySpec joint{.watch = {0, 1}};
  joint.optimiser = {.rate = rate, .adam = {.epsilon = 1e-6, .decay = 0, .second = second}};
  const std::vector<Snapshot> whole = stratified_network(joint, law, 8, tokens, x, y);
  return std::sqrt(mean_square_distance(whole[1].output, whole[0].output, tokens));
}

Claim flat_in_width(Claim claim, const LimitStudySpec& spec, study::Store& store) {
  Numbers sums, elements;
  for (const std::int64_t width : spec.widths) {
    sums.push_back(feature_move(width, optim::SecondMomentScope::block_sum, 0.04));
    elements.push_back(feature_move(width, optim::SecondMomentScope::element, 0.01));
    store.record(study::Metric{
        .task = claim.id, .name = fmt::format("block sums, width {}", width), .value = sums.back()});
    store.record(study::Metric{
        .task = claim.id, .name = fmt::format("by entry, width {}", width), .value = elements.back()});
  }
  draw(store, "6-width", "Movement of the features in one step against the width", "width", spec.widths,
       {{"second moments of whole blocks", sums}, {"second moments by entry", elements}});
  claim.note =
      fmt::format("second moments by entry move {:.2g} times as far at the largest width as at the smallest",
                  elements.back() / elements.front());
  return judge_ratio(std::move(claim), sums, 1.5);
}

Claim shared_rate(Claim claim, const LimitStudySpec& spec, study::Store& store) {
  TransferSpec transfer{.layers = {spec.transfer_layers.begin(), spec.transfer_layers.end()},
                        .replicas = spec.transfer_replicas,
                        .causal = spec.causal,
                        .optimiser = spec.optimiser,
                        .seed = static_cast<std::uint64_t>(spec.common.seed)};
  const HeadLaw law = spec.law();
  const Numbers x = formula_tokens(spec.problem.tokens, law.width,
                                   static_cast<std::uint64_t>(spec.problem.token_seed)),
                y = formula_targets(x, law.width);
  nlohmann::json groups = nlohmann::json::array();
  Numbers best;
  for (const TransferCurve& curve : rate_transfer(transfer, law, spec.problem.tokens, x, y)) {
    best.push_back(curve.best_rate);
    store.record(study::Metric{.task = claim.id,
                               .name = fmt::format("best rate, {} layers", curve.layers),
                               .value = curve.best_rate});
    groups.push_back({{"label", fmt::format("{} layers", curve.layers)},
                      {"x", transfer.rates},
                      {"y", curve.losses},
                      {"mode", "lines+markers"}});
  }
  store.record(study::Figure{"7-transfer",
                             "Loss after 30 steps against the learning rate",
                             "Medians over drawn networks of 4 heads; a gap where they diverged.",
                             {{"kind", "xy"},
                              {"x_label", "rate"},
                              {"y_label", "loss"},
                              {"log_x", true},
                              {"log_y", true},
                              {"groups", groups}}});
  return judge_ratio(std::move(claim), best, 2);
}

}  // namespace

std::vector<KnownClaim> flatness_claims() {
  return {{{.id = "flat-in-tokens",
            .statement = "the error after ten steps does not grow with the number of tokens",
            .source = limit_paper,
            .measured_as = "largest over smallest squared error, 16 layers of 4 heads",
            .falsifier = "a ratio above 3"},
           flat_in_tokens},
          {{.id = "flat-in-width",
            .statement = "with second moments of whole blocks features move alike at every width",
            .source = limit_paper,
            .measured_as = "largest over smallest movement in one step",
            .falsifier = "a ratio above 1.5"},
           flat_in_width},
          {{.id = "rate-transfers",
            .statement = "with a residual scale of 1/L one learning rate serves every depth",
            .source = "N. Dey et al., \"CompleteP\", arXiv:2505.01618",
            .measured_as = "largest over smallest best rate of a grid of factors of two",
            .falsifier = "a ratio above 2"},
           shared_rate}};
}

}  // namespace starling::depth
