#include "starling/systems/depth/training.h"

#include <gtest/gtest.h>

#include <array>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/optim/muon.h"
#include "starling/systems/depth/head_law.h"
#include "systems/depth/problem.h"

namespace starling::depth {
namespace {

using optim::SecondMomentScope;
using testing::Numbers;

TEST(DepthHeadLaw, HasTheKnownNumbers) {
  EXPECT_EQ(split_mix(1, 0), 0.5665615751722809);
  EXPECT_EQ(split_mix(1, 1), 0.7457817572627011);
  EXPECT_EQ(split_mix(1, 2), 0.9710027535867962);
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  ASSERT_EQ(law.atoms(), 32);
  const auto entry = [&](Index m, Index t, Index i) {
    return law.heads[static_cast<std::size_t>(32 * m + 8 * t + i)];
  };
  EXPECT_NEAR(entry(0, 0, 0), .1331231503445618, 1e-16);
  EXPECT_NEAR(entry(3, 1, 1 * 4 + 2), -.13867375613815436, 1e-16);
  EXPECT_NEAR(entry(31, 2, 1 * 4 + 3), -.6044855888248148, 1e-15);
  EXPECT_NEAR(entry(5, 3, 2 * 2 + 1), -.6317326817417067, 1e-15);
  const Numbers x = formula_tokens(8, 4, 2);
  EXPECT_NEAR(x[7 * 4 + 3], .20686806933549762, 1e-16);
  EXPECT_NEAR(formula_targets(x, 4)[0], .7423988714787491, 1e-15);
}

TrainingSpec small_run(bool causal, SecondMomentScope second) {
  return {.network = {.shape = {4, 2, 2, 3}, .causal = causal},
          .optimiser = {.adam = {.second = second}},
          .tokens = 4,
          .steps = 50};
}

TEST(DepthTraining, HasTheKnownLosses) {
  const Numbers weights = testing::sine_layers({4, 2, 2, 3}), x = testing::sine_tokens(4, 3),
                y = testing::cosine_targets(4, 3);
  struct Known {
    bool causal;
    SecondMomentScope second;
    std::array<double, 4> losses;
  };
  for (const Known& known : {Known{false,
                                   SecondMomentScope::element,
                                   {1.986499127210, 1.970997215481, 1.848826107633, .309383919200}},
                             Known{false,
                                   SecondMomentScope::block_sum,
                                   {1.986499127210, 1.978539711108, 1.915436316687, 1.397301600271}},
                             Known{false,
                                   SecondMomentScope::block_mean,
                                   {1.986499127210, 1.969258896229, 1.826219598082, .299458650654}},
                             Known{true,
                                   SecondMomentScope::element,
                                   {1.948487441910, 1.924008108799, 1.703920274540, .308632662733}}}) {
    const Trained run = train(small_run(known.causal, known.second), weights, x, y);
    ASSERT_EQ(run.losses.size(), 51U);
    for (const auto& [i, k] : {std::pair<std::size_t, std::size_t>{0, 0}, {1, 1}, {2, 10}, {3, 50}})
      EXPECT_NEAR(run.losses[k], known.losses[i], 1e-12) << k;
  }
}

TEST(DepthTraining, OfAReplicaIsThatOfALoneNetwork) {
  const HeadLaw law = formula_law(8, 2, 3, 5, .5);
  TrainingSpec spec = small_run(false, SecondMomentScope::block_sum);
  spec.steps = 5;
  spec.watch = {0, 5};
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3);
  const auto start = [&](Index replica) {
    base::Stream stream(3, 0, "heads", static_cast<std::uint64_t>(replica));
    return drawn_heads(law, 4, 2, stream);
  };
  const auto many = train_replicas(spec, 19, start, x, y, true);
  for (const std::size_t r : {0U, 7U, 18U}) {
    const Trained alone = train(spec, start(static_cast<Index>(r)), x, y);
    for (std::size_t k = 0; k <= 5; ++k) EXPECT_NEAR(many[r].losses[k], alone.losses[k], 1e-14);
    ASSERT_EQ(many[r].snapshots.size(), 2U);
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_LT(testing::largest_gap(many[r].snapshots[s].output, alone.snapshots[s].output), 1e-14);
      EXPECT_LT(testing::largest_gap(many[r].snapshots[s].adjoint, alone.snapshots[s].adjoint), 1e-14);
    }
    EXPECT_LT(testing::largest_gap(many[r].weights, alone.weights), 1e-13);
  }
  const base::ThreadLimit one(1);
  const auto again = train_replicas(spec, 19, start, x, y, true);
  for (std::size_t r = 0; r < 19; ++r) EXPECT_EQ(again[r].weights, many[r].weights);
}

TEST(DepthTraining, ByARuleOfMatricesStepsEveryMatrixOfEveryHeadByItself) {
  const HeadLaw law = formula_law(8, 2, 3, 5, .5);
  base::Stream stream(3, 0, "heads");
  const Numbers start = drawn_heads(law, 4, 2, stream), x = testing::sine_tokens(4, 3),
                y = testing::cosine_targets(4, 3);
  TrainingSpec spec = small_run(false, SecondMomentScope::element);
  spec.optimiser.other.rule = optim::Rule::muon;
  spec.steps = 1;
  const Numbers after = train(spec, start, x, y).weights;
  Numbers gradient(start.size()), p0(x.size());
  Network<double>(spec.network, 4, 1).gradient(start, x, y, gradient, p0);
  optim::TrainerSpec rule = spec.optimiser.other;
  rule.adam.decay = spec.optimiser.adam.decay;
  for (const std::size_t head : {0U, 5U, 7U}) {
    for (std::size_t m = 0; m < 4; ++m) {
      const auto at = static_cast<std::ptrdiff_t>(head * 24 + m * 6);
      Numbers w(start.begin() + at, start.begin() + at + 6);
      const Numbers g(gradient.begin() + at, gradient.begin() + at + 6);
      optim::Muon<double>(optim::muon_spec(rule), m < 3 ? 2 : 3, m < 3 ? 3 : 2)
          .step(spec.optimiser.rate, w, g);
      EXPECT_LT(testing::largest_gap(w, Numbers(after.begin() + at, after.begin() + at + 6)), 1e-14);
    }
  }
}

TEST(DepthTraining, ByAnyOptimiserDescendsAndIsTheSameInALane) {
  const HeadLaw law = formula_law(8, 2, 3, 5, .5);
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3);
  const auto start = [&](Index replica) {
    base::Stream stream(3, 0, "heads", static_cast<std::uint64_t>(replica));
    return drawn_heads(law, 4, 2, stream);
  };
  for (const auto& [name, rule] : optim::rules()) {
    SCOPED_TRACE(name);
    TrainingSpec spec = small_run(false, SecondMomentScope::element);
    spec.optimiser.other.rule = rule;
    spec.optimiser.rate = .01;
    spec.steps = 12;
    const auto many = train_replicas(spec, 9, start, x, y, true);
    EXPECT_LT(many[8].losses.back(), many[8].losses.front());
    EXPECT_LT(testing::largest_gap(many[8].weights, train(spec, start(8), x, y).weights), 1e-8);
    spec.keep_going = true;
    spec.steps = 1;
    const auto broken = [&](Index replica) {
      Numbers out = start(replica);
      if (replica == 1) out[30] = NAN;
      return out;
    };
    const auto some = train_replicas(spec, 3, broken, x, y, true);
    EXPECT_TRUE(std::isnan(some[1].losses.back()));
    EXPECT_TRUE(std::isfinite(some[0].losses.back()));
  }
}

TEST(DepthTraining, OfTwoSpeciesTendsToTheirLimitAsOneDoes) {
  HeadLaw law = formula_law(8, 2, 4, 1, .5);
  for (int i = 0; i < 6 * 8; ++i) law.neurons.push_back(2 * split_mix(7, static_cast<std::uint64_t>(i)) - 1);
  ASSERT_EQ(law.neuron_atoms(), 6);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  const auto run = [&](Index layers) {
    return train({.network = {.shape = law.shape(layers, 8, 6)}, .tokens = 8, .steps = 10, .watch = {10}},
                 stratified_heads(law, layers), x, y);
  };
  const Trained coarse = run(16), middle = run(32), fine = run(64);
  EXPECT_LT(fine.losses.back(), fine.losses.front() - .05);
  const double first = testing::distance(coarse.snapshots[0].output, middle.snapshots[0].output),
               second = testing::distance(middle.snapshots[0].output, fine.snapshots[0].output);
  EXPECT_NEAR(first / second, 2, .1);  // Euler's error halves
  // Replicas in lanes are the same networks.
  TrainingSpec spec{.network = {.shape = law.shape(4, 2, 3)}, .tokens = 8, .steps = 4};
  spec.optimiser.adam.second = SecondMomentScope::head_sum;
  const auto start = [&](Index replica) {
    base::Stream stream(3, 0, "heads", static_cast<std::uint64_t>(replica));
    return drawn_heads(law, 4, 2, stream, 3);
  };
  const auto many = train_replicas(spec, 3, start, x, y, true);
  EXPECT_LT(testing::largest_gap(many[2].weights, train(spec, start(2), x, y).weights), 1e-13);
}

TEST(DepthTraining, WithAnEpsilonInRawUnitsConvertsItExactly) {
  const HeadShape shape{16, 4, 2, 4};
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  base::Stream stream(1, 0, "heads");
  const Numbers weights = drawn_heads(law, 16, 4, stream), x = formula_tokens(8, 4, 2),
                y = formula_targets(x, 4);
  TrainingSpec spec{.network = {.shape = shape},
                    .optimiser = {.adam = {.epsilon = 1e-3, .decay = 0}},
                    .tokens = 8,
                    .steps = 10};
  const Trained mean_field = train(spec, weights, x, y);
  spec.optimiser.units = EpsilonUnits::raw;
  spec.optimiser.adam.epsilon = 1e-3 / 64;
  EXPECT_EQ(mean_field_epsilon(spec.network, spec.optimiser), 1e-3);
  EXPECT_EQ(train(spec, weights, x, y).losses, mean_field.losses);
}

TEST(DepthTraining, OfDuplicatedTokensIsTheSame) {
  // A network without a mask sees the law of its tokens alone, also while it learns.
  const HeadShape shape{8, 4, 2, 4};
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  base::Stream stream(1, 0, "heads");
  const Numbers weights = drawn_heads(law, 8, 4, stream), x = formula_tokens(8, 4, 2),
                y = formula_targets(x, 4);
  Numbers xs, ys;
  for (Index i = 0; i < 8; ++i) {
    for (int copy = 0; copy < 5; ++copy) {
      xs.insert(xs.end(), x.begin() + 4 * i, x.begin() + 4 * i + 4);
      ys.insert(ys.end(), y.begin() + 4 * i, y.begin() + 4 * i + 4);
    }
  }
  TrainingSpec spec{.network = {.shape = shape}, .tokens = 8, .steps = 50, .watch = {50}};
  const Numbers once = train(spec, weights, x, y).snapshots[0].output;
  spec.tokens = 40;
  const Numbers five = train(spec, weights, xs, ys).snapshots[0].output;
  double most = 0;
  for (std::size_t e = 0; e < xs.size(); ++e)
    most = std::max(most, std::abs(five[e] - once[e / 20 * 4 + e % 4]));
  EXPECT_LT(most, 2e-15);
}

TEST(DepthTraining, NamesStepLayerAndHeadOfALostGradient) {
  Numbers weights = testing::sine_layers({4, 2, 2, 3});
  weights[static_cast<std::size_t>(2 * 48 + 24 + 3)] = NAN;
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3);
  EXPECT_EQ(testing::message_of([&] { train(small_run(false, SecondMomentScope::element), weights, x, y); }),
            "training: at step 1 the gradient of layer 0, head 0 is nan; lower lr");
  TrainingSpec bad = small_run(false, SecondMomentScope::element);
  bad.optimiser.rate = 0;
  EXPECT_EQ(testing::message_of([&] { train(bad, weights, x, y); }),
            "training: lr = 0; expected a positive number");
  bad = small_run(false, SecondMomentScope::element);
  bad.tokens = 5;
  EXPECT_NE(testing::message_of([&] { train(bad, weights, x, y); }).find("x has 12 numbers and y 12"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::depth
