#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/flows/ode.h"
#include "starling/study/verdicts.h"
#include "starling/systems/depth/clustering.h"
#include "starling/systems/depth/head_field.h"
#include "starling/systems/depth/limit.h"
#include "starling/systems/depth/limit_claims.h"
#include "starling/systems/depth/mean_field.h"

namespace starling::depth {
namespace {

using study::Claim;
using Numbers = std::vector<double>;

struct Sequence {
  Numbers x, y;
};
Sequence sequence_of(const LimitStudySpec& spec) {
  Sequence out;
  out.x = formula_tokens(spec.problem.tokens, spec.problem.width,
                         static_cast<std::uint64_t>(spec.problem.token_seed));
  out.y = formula_targets(out.x, spec.problem.width);
  return out;
}

Numbers some_heads(const LimitStudySpec& spec, Index layers, Index heads) {
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "identities");
  return drawn_heads(spec.law(), layers, heads, stream);
}

Numbers repeated(const Numbers& rows, Index width, int copies) {
  Numbers out;
  for (auto row = rows.begin(); row != rows.end(); row += width) {
    for (int copy = 0; copy < copies; ++copy) out.insert(out.end(), row, row + width);
  }
  return out;
}

constexpr Index few_layers = 8, few_heads = 4;
constexpr int copies = 3, steps = 20;

// What training on every token three times changes of the hidden states.
double duplication_gap(const LimitStudySpec& spec, bool causal) {
  const Sequence s = sequence_of(spec);
  const Index tokens = spec.problem.tokens, width = spec.problem.width;
  const Numbers weights = some_heads(spec, few_layers, few_heads);
  TrainingSpec training{.network = {.shape = spec.law().shape(few_layers, few_heads), .causal = causal},
                        .optimiser = spec.optimiser,
                        .tokens = tokens,
                        .steps = steps,
                        .watch = {steps}};
  const Numbers once = train(training, weights, s.x, s.y).snapshots[0].output;
  training.tokens = copies * tokens;
  const Numbers many = train(training, weights, repeated(s.x, width, copies), repeated(s.y, width, copies))
                           .snapshots[0]
                           .output;
  const Numbers expected = repeated(once, width, copies);
  double gap = 0;
  for (std::size_t i = 0; i < many.size(); ++i) gap = std::max(gap, std::abs(many[i] - expected[i]));
  return gap;
}

Claim duplication(Claim claim, const LimitStudySpec& spec, study::Store&) {
  return study::judge_limit(std::move(claim), duplication_gap(spec, false), 1e-12);
}

Claim causal_duplication(Claim claim, const LimitStudySpec& spec, study::Store&) {
  claim.value = duplication_gap(spec, true);
  claim.expected = "above 1e-6";
  claim.verdict = *claim.value > 1e-6 ? study::Verdict::holds : study::Verdict::fails;
  return claim;
}

Claim lions(Claim claim, const LimitStudySpec& spec, study::Store&) {
  const HeadLaw law = spec.law();
  const Sequence s = sequence_of(spec);
  const Numbers mean_field = mean_field_adjoint_rate(law, s.x, s.y);
  HeadField field(law.head_width, law.width, spec.problem.tokens, law.atoms(), false);
  Numbers discrete(s.x.size());
  field.pull_back(law.heads, s.x, s.y, discrete);
  double gap = 0;
  for (std::size_t i = 0; i < discrete.size(); ++i)
    gap = std::max(gap, std::abs(discrete[i] - mean_field[i]));
  return study::judge_limit(std::move(claim), gap, 1e-12);
}

// The spread over depth of <p_l, dx_l>, relative to its first value.
double pairing_spread(const LimitStudySpec& spec, const NetworkSpec& network, const Numbers& weights) {
  const Sequence s = sequence_of(spec);
  const Index tokens = spec.problem.tokens;
  LaneNetwork<double> lanes(network, tokens, kernels::LaneWeights::shared);
  const Index wide = lanes.lanes(), size = lanes.entries();
  kernels::Scratch<double> tangent(static_cast<std::size_t>(size * wide));
  std::fill_n(tangent.data(), size * wide, 0.0);
  put_lane<double>(s.x, 0, wide, lanes.input());
  const double* end = lanes.forward(weights.data());
  for (Index e = 0; e < size; ++e) {
    tangent.data()[e * wide] = std::sin(static_cast<double>(e + 1));
    lanes.adjoint()[e * wide] =
        (end[e * wide] - s.y[static_cast<std::size_t>(e)]) / static_cast<double>(tokens);
  }
  std::vector<Numbers> adjoints(static_cast<std::size_t>(network.shape.layers + 1), Numbers(s.x.size()));
  lanes.backward(weights.data(), nullptr, [&](Index l, const double* p) {
    take_lane<double>(p, 0, wide, adjoints[static_cast<std::size_t>(l)]);
  });
  Numbers pairings;
  lanes.tangent(weights.data(), tangent.data(), [&](Index l, const double*, const double* dx) {
    double sum = 0;
    for (Index e = 0; e < size; ++e)
      sum += adjoints[static_cast<std::size_t>(l)][static_cast<std::size_t>(e)] * dx[e * wide];
    pairings.push_back(sum);
  });
  const auto [low, high] = std::ranges::minmax(pairings);
  return (high - low) / std::abs(pairings.front());
}

Claim pairing(Claim claim, const LimitStudySpec& spec, study::Store&) {
  const NetworkSpec network{.shape = spec.law().shape(2 * few_layers, few_heads), .causal = spec.causal};
  return study::judge_limit(
      std::move(claim), pairing_spread(spec, network, some_heads(spec, 2 * few_layers, few_heads)), 1e-12);
}

// Layers forgotten and found again by inverting them: the gradient must be that of stored ones.
Claim inverse_memory(Claim claim, const LimitStudySpec& spec, study::Store&) {
  const Sequence s = sequence_of(spec);
  const Numbers weights = some_heads(spec, 64, few_heads);
  const auto gradient = [&](Memory memory) {
    const NetworkSpec network{
        .shape = spec.law().shape(64, few_heads), .causal = spec.causal, .memory = memory};
    Numbers out(weights.size());
    Network<double>(network, spec.problem.tokens, 1).gradient(weights, s.x, s.y, out);
    return out;
  };
  const Numbers stored = gradient(Memory::stored);
  double gap = 0, most = 0;
  for (const Memory memory : {Memory::checkpoints, Memory::inverse}) {
    const Numbers other = gradient(memory);
    for (std::size_t i = 0; i < other.size(); ++i) {
      gap = std::max(gap, std::abs(other[i] - stored[i]));
      most = std::max(most, std::abs(stored[i]));
    }
  }
  return study::judge_limit(std::move(claim), gap / most, 1e-12);
}

Claim no_drift(Claim claim, const LimitStudySpec& spec, study::Store& store) {
  HeadLaw law = formula_law(spec.problem.atoms, spec.problem.head_width, spec.problem.width,
                            static_cast<std::uint64_t>(spec.problem.law_seed), 0);
  const auto whole = static_cast<std::ptrdiff_t>(4 * law.head_width * law.width);
  const std::size_t size = law.heads.size();
  for (std::size_t i = 0; i < size; ++i) {  // every head again with the opposite O
    const bool outward = static_cast<std::ptrdiff_t>(i) % whole >= whole / 4 * 3;
    law.heads.push_back(outward ? -law.heads[i] : law.heads[i]);
  }
  const Sequence s = sequence_of(spec);
  const Trained run =
      train({.network = {.shape = law.shape(2 * few_layers, law.atoms()), .causal = spec.causal},
             .optimiser = spec.optimiser,
             .tokens = spec.problem.tokens,
             .steps = 50,
             .watch = {0, 50}},
            stratified_heads(law, 2 * few_layers), s.x, s.y);
  double drift = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i)
    drift = std::max(drift, std::abs(run.snapshots[0].output[i] - s.x[i]));
  store.record(study::Metric{.task = claim.id,
                             .name = "movement after 50 steps",
                             .value = std::sqrt(mean_square_distance(
                                 run.snapshots[1].output, run.snapshots[0].output, spec.problem.tokens)),
                             .note = "features move through training alone"});
  return study::judge_limit(std::move(claim), drift, 1e-13);
}

Claim equiangular(Claim claim, const LimitStudySpec&, study::Store&) {
  constexpr Index n = 5;
  constexpr double beta = 4;
  const Numbers times = {1, 2, 4, 8};
  Numbers x(static_cast<std::size_t>(n * n), 0.0);
  for (Index i = 0; i < n; ++i) x[static_cast<std::size_t>(i * n + i)] = 1;
  const Numbers states = cluster(x, n, beta, times);
  const auto gamma = flows::integrate(
      [](double, std::span<const double> y, std::span<double> rate) {
        const double e = std::exp(beta * y[0]);
        rate[0] = 2 * e * (1 - y[0]) * ((n - 1) * y[0] + 1) / (std::exp(beta) + (n - 1) * e);
      },
      Numbers{0.0}, times, {.rtol = 1e-12, .atol = 1e-13});
  double gap = 0;
  for (std::size_t t = 0; t < times.size(); ++t) {
    const double* at = states.data() + static_cast<Index>(t) * n * n;
    double product = 0;
    for (Index a = 0; a < n; ++a) product += at[a] * at[n + a];
    gap = std::max(gap, std::abs(product - gamma[t][0]));
  }
  return study::judge_limit(std::move(claim), gap, 1e-9);
}

Claim rising_energy(Claim claim, const LimitStudySpec&, study::Store& store) {
  constexpr Index n = 32;
  constexpr double beta = 9, pi = 3.14159265358979323846;
  Numbers x, times;
  for (Index j = 0; j < n; ++j) {
    const double turn = 0.61803398875 * static_cast<double>(j),
                 angle = 2 * pi * 0.9 * (turn - std::floor(turn));
    x.insert(x.end(), {std::cos(angle), std::sin(angle)});
  }
  for (int i = 0; i <= 100; ++i) times.push_back(0.1 * i);
  const Numbers states = cluster(x, 2, beta, times);
  std::vector<study::SeriesPoint> energies, clusters;
  nlohmann::json angles = nlohmann::json::array();
  double fall = 0, former = 0;
  for (std::size_t t = 0; t < times.size(); ++t) {
    const std::span<const double> at(states.data() + static_cast<Index>(t) * 2 * n,
                                     static_cast<std::size_t>(2 * n));
    const double energy = cluster_energy(at, 2, beta);
    if (t > 0) fall = std::max(fall, (former - energy) / energy);
    former = energy;
    energies.push_back({static_cast<std::int64_t>(t), energy});
    clusters.push_back({static_cast<std::int64_t>(t), static_cast<double>(count_clusters(at, 2))});
  }
  for (Index j = 0; j < n; ++j) {
    nlohmann::json line = {{"label", ""}, {"mode", "lines"}, {"x", times}};
    double angle = 0;
    for (std::size_t t = 0; t < times.size(); ++t) {
      const double* at = states.data() + (static_cast<Index>(t) * n + j) * 2;
      const double here = std::atan2(at[1], at[0]);
      angle = t == 0 ? here : angle + std::remainder(here - angle, 2 * pi);  // without jumps at half a turn
      line["y"].push_back(angle);
    }
    angles.push_back(line);
  }
  store.record(claim.id, "energy", "", energies);
  store.record(claim.id, "clusters", "", clusters);
  store.record(
      study::Figure{"4-clusters",
                    "Tokens on a circle over depth",
                    "Angles of 32 tokens under attention of inverse temperature 9: clusters that last.",
                    {{"kind", "xy"}, {"x_label", "depth"}, {"y_label", "angle"}, {"groups", angles}}});
  return study::judge_limit(std::move(claim), fall, 1e-12);
}

}  // namespace

std::vector<KnownClaim> identity_claims() {
  const std::string clusters =
      "B. Geshkovski et al., \"A mathematical perspective on transformers\", arXiv:2312.10794";
  return {
      {{.id = "law-of-tokens",
        .statement = "without a mask hidden states depend on the law of the tokens alone, also through "
                     "training: every token "
                     "three times changes nothing",
        .source = limit_paper,
        .measured_as = "largest change after 20 steps of AdamW",
        .falsifier = "a change above rounding"},
       duplication},
      {{.id = "causal-is-no-law",
        .statement = "under a causal mask it does change",
        .source = limit_paper,
        .measured_as = "the same under the mask",
        .falsifier = "no change"},
       causal_duplication},
      {{.id = "lions-derivative",
        .statement =
            "the adjoint of the McKean-Vlasov equation, by Lions' derivative, is that of all tokens together",
        .source = limit_paper,
        .measured_as = "largest difference over entries",
        .falsifier = "a difference above rounding"},
       lions},
      {{.id = "pairing",
        .statement = "the pairing of backpropagated variables with tangents is the same at every depth",
        .source = "the chain rule",
        .measured_as = "spread over layers, relative",
        .falsifier = "a spread above rounding"},
       pairing},
      {{.id = "memory",
        .statement = "checkpoints and inverted layers give the gradient of stored ones",
        .source = "each layer is a perturbation of the identity, which a fixed point inverts",
        .measured_as = "largest difference over 64 layers, relative",
        .falsifier = "a difference above 1e-12"},
       inverse_memory},
      {{.id = "no-drift",
        .statement = "heads that come with their opposites start as the identity",
        .source = limit_paper,
        .measured_as = "largest movement of a token before training",
        .falsifier = "a movement above rounding"},
       no_drift},
      {{.id = "equiangular",
        .statement = "equiangular tokens on the sphere keep one angle, which solves a scalar equation",
        .source = clusters,
        .measured_as = "largest difference of the cosine at depths 1, 2, 4, 8",
        .falsifier = "a difference above 1e-9"},
       equiangular},
      {{.id = "rising-energy",
        .statement = "attention on the sphere raises the energy of the tokens",
        .source = clusters,
        .measured_as = "largest relative fall between samples",
        .falsifier = "a fall above rounding"},
       rising_energy}};
}

}  // namespace starling::depth
