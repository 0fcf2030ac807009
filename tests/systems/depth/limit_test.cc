#include "starling/systems/depth/limit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"
#include "starling/systems/depth/head_field.h"
#include "starling/systems/depth/mean_field.h"
#include "starling/systems/depth/training.h"
#include "systems/depth/problem.h"

namespace starling::depth {
namespace {

using testing::distance;
using testing::Numbers;
using testing::square;

// Six tokens of width 4; three heads at depth s are sine_heads at 4 s.
struct SineCase {
  Numbers x = testing::sine_tokens(6, 4), y = testing::cosine_targets(6, 4);
  Limit limit(bool causal) const {
    return solve_limit(
        {.head_width = 2, .width = 4, .tokens = 6, .causal = causal},
        [](double s) { return testing::sine_heads(3, 2, 4, 4 * s); }, x, y);
  }
  testing::Result euler(Index layers, bool causal) const {
    const HeadShape shape{layers, 3, 2, 4};
    return testing::gradient_of({.shape = shape, .causal = causal},
                                testing::sine_layers(shape, 4 / static_cast<double>(layers)), 6, x, y);
  }
};

void expect_row(const Numbers& table, std::initializer_list<double> known, double tolerance) {
  for (std::size_t i = 0; i < known.size(); ++i) EXPECT_NEAR(table[i], known.begin()[i], tolerance) << i;
}

TEST(DepthLimit, HasTheKnownFiguresAndAFirstOrderError) {
  const SineCase problem;
  const Limit limit = problem.limit(false);
  EXPECT_LT(limit.error, 1e-13);
  expect_row(limit.x1, {.7113239511356, .2707819338005, .9473403922255, -.9276995055279}, 1e-13);
  EXPECT_NEAR(square(limit.x1), 15.1575452134444, 1e-12);
  expect_row(limit.p0, {.0309816, -.10867809, .28888581, -.07275254}, 5e-9);
  EXPECT_NEAR(square(limit.p0), 1.2932777218358, 1e-12);
  EXPECT_NEAR(square(problem.euler(8, false).x1), 14.5266831961871, 1e-12);
  Index layers = 8;
  Numbers errors;
  for (const double known :
       {1.162608e-1, 6.024505e-2, 3.071612e-2, 1.551348e-2, 7.796399e-3, 3.908208e-3, 1.956618e-3}) {
    const auto network = problem.euler(layers, false);
    errors.push_back(distance(network.x1, limit.x1));
    EXPECT_NEAR(errors.back(), known, 5e-7 * std::max(.1, known)) << layers;
    layers *= 2;
  }
  EXPECT_NEAR(distance(problem.euler(8, false).p0, limit.p0), 1.057038e-1, 5e-8);
  EXPECT_NEAR(distance(problem.euler(512, false).p0, limit.p0), 1.833093e-3, 5e-10);
  EXPECT_NEAR(std::log2(errors[1] / errors[0]), -.948, 5e-4);
  EXPECT_NEAR(std::log2(errors[6] / errors[5]), -.998, 5e-4);
  const auto extrapolated = [&](Index l) {
    const Numbers coarse = problem.euler(l, false).x1, fine = problem.euler(2 * l, false).x1;
    Numbers out;
    for (std::size_t e = 0; e < fine.size(); ++e) out.push_back(2 * fine[e] - coarse[e]);
    return distance(out, limit.x1);
  };
  EXPECT_NEAR(extrapolated(8), 4.37e-3, 5e-6);
  EXPECT_NEAR(extrapolated(256), 5.17e-6, 5e-9);
}

TEST(DepthLimit, HasTheKnownFiguresUnderACausalMask) {
  const SineCase problem;
  const Limit limit = problem.limit(true);
  expect_row(limit.x1, {.4702804954824, .5707300758225, .6123420593533, -.5904692140709}, 1e-13);
  EXPECT_NEAR(square(limit.x1), 12.8506062133718, 1e-12);
  Index layers = 8;
  for (const double known :
       {6.989760e-2, 3.366095e-2, 1.652300e-2, 8.185566e-3, 4.073868e-3, 2.032211e-3, 1.014925e-3}) {
    EXPECT_NEAR(distance(problem.euler(layers, true).x1, limit.x1), known, 1e-6 * known) << layers;
    layers *= 2;
  }
  EXPECT_NEAR(distance(problem.euler(8, true).p0, limit.p0), 2.558900e-2, 5e-8);
  EXPECT_NEAR(distance(problem.euler(512, true).p0, limit.p0), 3.519435e-4, 5e-10);
}

TEST(DepthLimit, HasTheGradientThatDifferencesOfItsLossGive) {
  SineCase problem;
  const Limit limit = problem.limit(false);
  constexpr double h = 1e-3;
  for (const std::size_t e : {0U, 7U, 23U}) {
    const double at = problem.x[e];
    const auto loss_at = [&](double step) {
      problem.x[e] = at + step;
      return problem.limit(false).loss;
    };
    const double wide = loss_at(2 * h) - loss_at(-2 * h), narrow = loss_at(h) - loss_at(-h);
    problem.x[e] = at;
    EXPECT_NEAR((8 * narrow - wide) / (12 * h), limit.p0[e], 4e-12) << e;
  }
}

TEST(DepthLimit, OfNormalisedTokensIsWhatTheirNetworksTendTo) {
  const SineCase problem;
  for (const kernels::Norm norm : {kernels::Norm::layer, kernels::Norm::rms}) {
    const Limit limit = solve_limit(
        {.head_width = 2, .width = 4, .tokens = 6, .norm = norm},
        [](double s) { return testing::sine_heads(3, 2, 4, 4 * s); }, problem.x, problem.y);
    const auto gap = [&](Index layers) {
      const HeadShape shape{layers, 3, 2, 4};
      const auto network = testing::gradient_of({.shape = shape, .norm = norm},
                                                testing::sine_layers(shape, 4 / static_cast<double>(layers)),
                                                6, problem.x, problem.y);
      return std::pair{distance(network.x1, limit.x1), distance(network.p0, limit.p0)};
    };
    const auto coarse = gap(128), fine = gap(256);
    EXPECT_NEAR(coarse.first / fine.first, 2, .05);
    EXPECT_NEAR(coarse.second / fine.second, 2, .05);
    EXPECT_LT(fine.first, .02);
  }
}

TEST(DepthLimit, OfUniformAttentionIsClosed) {
  // Q = K = 0, O V = W: two heads whose O V average to W.
  const Numbers w = {.2, -.5, .1, .4, .1, -.3, 0, .6, -.2};
  const Numbers x = testing::table(5, 3, [](double i, double j) { return std::sin(i + 2 * j); });
  Numbers head(36, 0.0);
  for (std::size_t i = 0; i < 9; ++i) head[18 + i] = w[i];
  for (std::size_t a = 0; a < 3; ++a) head[27 + 4 * a] = 1;
  const Limit limit = solve_limit(
      {.head_width = 3, .width = 3, .tokens = 5}, [&](double) { return head; }, x);
  EXPECT_LT(testing::largest_gap(limit.x1, uniform_attention_end(x, w, 0)), 3e-15);
  expect_row(limit.x1, {.0472157763420, -1.1038128338531, .6896372343480}, 1e-13);
  Numbers layers;
  for (int l = 0; l < 10; ++l) layers.insert(layers.end(), head.begin(), head.end());
  const Numbers ten = testing::forward_of({.shape = {10, 1, 3, 3}}, layers, 5, x);
  EXPECT_LT(testing::largest_gap(ten, uniform_attention_end(x, w, 10)), 3e-15);
  expect_row(ten, {.0436742338605, -1.1017316541155, .6946679321049}, 1e-13);
}

TEST(DepthLimit, OfTokensWithoutAMaskDependsOnTheirLawAlone) {
  const Numbers x = testing::sine_tokens(6, 4);
  const HeadShape shape{16, 3, 2, 4};
  const Numbers weights = testing::sine_layers(shape, 4.0 / 16);
  const auto rows = [&](const std::vector<std::size_t>& order) {
    Numbers out;
    for (const std::size_t i : order)
      out.insert(out.end(), x.begin() + static_cast<Index>(4 * i), x.begin() + static_cast<Index>(4 * i + 4));
    return out;
  };
  const std::vector<std::size_t> reversed = {5, 4, 3, 2, 1, 0},
                                 repeated = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5};
  for (const bool causal : {false, true}) {
    const NetworkSpec spec{.shape = shape, .causal = causal};
    const Numbers end = testing::forward_of(spec, weights, 6, x);
    const auto gap = [&](const std::vector<std::size_t>& order) {
      const Numbers other = testing::forward_of(spec, weights, static_cast<Index>(order.size()), rows(order));
      double most = 0;
      for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t a = 0; a < 4; ++a)
          most = std::max(most, std::abs(other[4 * i + a] - end[4 * order[i] + a]));
      }
      return most;
    };
    if (causal) {
      EXPECT_NEAR(gap(repeated), .071318254, 5e-10);
      EXPECT_NEAR(gap(reversed), .305188584, 5e-10);
    } else {
      EXPECT_LT(gap(repeated), 2e-15);
      EXPECT_LT(gap(reversed), 2e-15);
    }
  }
}

TEST(DepthLimit, HasLionsDerivativeForItsAdjoint) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2), p = formula_targets(x, 4);
  const Numbers mean_field = mean_field_adjoint_rate(law, x, p);
  HeadField field(2, 4, 8, 32, false);
  Numbers discrete(x.size());
  field.pull_back(law.heads, x, p, discrete);
  EXPECT_LT(testing::largest_gap(discrete, mean_field), 2e-16);
  EXPECT_GT(std::sqrt(square(mean_field)), .05);
}

TEST(DepthLimit, OfAtomsIsWhatStratifiedNetworksTendTo) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  struct Known {
    Index layers;
    std::array<double, 4> losses;
  };
  std::vector<Trained> runs;
  const auto run = [&](Index layers, Index steps) {
    return train(
        {.network = {.shape = law.shape(layers, 32)}, .tokens = 8, .steps = steps, .watch = {0, 10, 50}},
        stratified_heads(law, layers), x, y);
  };
  for (const Known& known : {Known{8, {.4767136984612, .4545033425462, .3323542269021, .0340186816469}},
                             Known{16, {.4783497518930, .4554953877016, .3322440445468, .0353075475857}}}) {
    runs.push_back(run(known.layers, 50));
    for (const auto& [i, k] : {std::pair<std::size_t, std::size_t>{0, 0}, {1, 1}, {2, 10}, {3, 50}})
      EXPECT_NEAR(runs.back().losses[k], known.losses[i], 1e-12) << known.layers << " " << k;
  }
  for (const Index layers : {32, 64, 128}) runs.push_back(run(layers, 50));
  const auto losses = [&](std::size_t r) {
    return Numbers{runs[r].losses[0], runs[r].losses[1], runs[r].losses[10], runs[r].losses[50]};
  };
  const Numbers limit = richardson(32, losses(2), losses(3), losses(4)).limit;
  expect_row(limit, {.4800601623, .4565235616, .3321513027, .03638636}, 5e-9);
  const Limit exact = solve_limit(
      {.head_width = 2, .width = 4, .tokens = 8}, [&](double) { return law.heads; }, x, y);
  EXPECT_NEAR(exact.loss, .4800601762, 5e-11);
  const auto errors = [&](std::size_t s) {
    const Numbers end =
        richardson(32, runs[2].snapshots[s].output, runs[3].snapshots[s].output, runs[4].snapshots[s].output)
            .limit;
    Numbers out;
    for (const Trained& r : runs) out.push_back(distance(r.snapshots[s].output, end));
    return out;
  };
  const Numbers k0 = errors(0), k10 = errors(1), k50 = errors(2);
  const auto near = [](double value, double known) { EXPECT_NEAR(value, known, 1e-3 * known); };
  const std::array<double, 5> known0 = {1.714e-2, 8.734e-3, 4.409e-3, 2.215e-3, 1.110e-3},
                              known50 = {5.431e-2, 2.319e-2, 1.073e-2, 5.178e-3, 2.547e-3};
  for (std::size_t i = 0; i < 5; ++i) {
    near(k0[i], known0[i]);
    near(k50[i], known50[i]);
  }
  near(k10[0], 8.508e-3);
  near(k10[4], 5.396e-4);
}

TEST(DepthLimit, WithACausalMaskHasTheKnownLosses) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  std::vector<Numbers> losses;
  for (const Index layers : {32, 64, 128}) {
    const Trained run =
        train({.network = {.shape = law.shape(layers, 32), .causal = true}, .tokens = 8, .steps = 10},
              stratified_heads(law, layers), x, y);
    losses.push_back({run.losses[0], run.losses[10]});
  }
  expect_row(richardson(32, losses[0], losses[1], losses[2]).limit, {.46370704, .31068903}, 5e-8);
}

TEST(DepthLimit, PredictsTheFluctuationOfDrawnHeads) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2);
  EXPECT_NEAR(fluctuation_constant(law, 16, 8, x), .2981506, 5e-8);
  EXPECT_NEAR(fluctuation_constant(law, 32, 8, x), .3062369, 5e-8);
  EXPECT_NEAR(fluctuation_constant(law, 64, 8, x), .3104083, 5e-8);
  const RateConstants constants = rate_constants(law, 8, x);
  EXPECT_NEAR(constants.b, .31467, 5e-6);
  // 128² times the squared Euler error of 128 layers, 1.110e-3 in all.
  EXPECT_NEAR(constants.a, std::pow(128 * 1.110e-3, 2) / 8, 2e-5);
}

TEST(DepthLimit, StartsAsTheIdentityWhereHeadsComeWithTheirOpposites) {
  HeadLaw law = formula_law(32, 2, 4, 1, 0);
  const std::size_t size = law.heads.size();
  for (std::size_t i = 0; i < size; ++i) law.heads.push_back(i % 32 < 24 ? law.heads[i] : -law.heads[i]);
  ASSERT_EQ(law.atoms(), 64);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  const Trained run =
      train({.network = {.shape = law.shape(16, 64)}, .tokens = 8, .steps = 50, .watch = {0, 1, 10, 50}},
            stratified_heads(law, 16), x, y);
  const auto move = [&](std::size_t s) {
    return std::sqrt(mean_square_distance(run.snapshots[s].output, run.snapshots[0].output, 8));
  };
  EXPECT_LT(testing::largest_gap(run.snapshots[0].output, x), 1e-15);
  EXPECT_NEAR(run.losses[0], .3847007145, 5e-11);
  EXPECT_NEAR(run.losses[1], .3726211599, 5e-11);
  EXPECT_NEAR(run.losses[10], .2825165370, 5e-11);
  EXPECT_NEAR(run.losses[50], .0193671378, 5e-10);
  EXPECT_NEAR(move(1), .0206, 5e-5);
  EXPECT_NEAR(move(2), .179, 5e-4);
  EXPECT_NEAR(move(3), .802, 5e-4);
}

TEST(DepthLimit, OfScalarProductsHasAClosedError) {
  EXPECT_NEAR(scalar_model_error(8, 2, .7, 1), .2102905159069, 1e-13);
  EXPECT_NEAR(scalar_model_error(64, 1, .7, 1), 6.205304493774e-2, 1e-13);
  EXPECT_NEAR(scalar_model_error(64, 16, .7, 1), 3.905745066445e-3, 1e-14);
  // The network itself: one token of one dimension, values v + ξ with ξ = ±1.
  const HeadShape shape{8, 2, 1, 1};
  constexpr Index networks = 40000;
  base::Stream stream(1, 0, "scalar products");
  double sum = 0, squares = 0;
  Network<double> network({.shape = shape}, 1, 1);
  Numbers weights(64, 0.0), end(1);
  for (Index r = 0; r < networks; ++r) {
    for (std::size_t h = 0; h < 16; ++h) {
      weights[4 * h + 2] = .7 + (stream.bits() % 2 == 0 ? 1 : -1);
      weights[4 * h + 3] = 1;
    }
    network.forward(weights, Numbers{1.0}, end);
    const double error = std::pow(end[0] - std::exp(.7), 2);
    sum += error;
    squares += error * error;
  }
  const double mean = sum / networks, deviation = std::sqrt((squares / networks - mean * mean) / networks);
  EXPECT_NEAR(mean, .2102905159069, 3 * deviation);  // three standard errors: one seed in 370 fails
}

TEST(DepthLimit, OfConstantHeadsHasNoFluctuation) {
  const HeadLaw law = formula_law(1, 2, 4, 1, .5);
  EXPECT_NEAR(fluctuation_constant(law, 8, 8, formula_tokens(8, 4, 2)), 0, 1e-15);
}

TEST(DepthLimit, NamesWhatDoesNotFit) {
  const LimitSpec spec{.head_width = 2, .width = 4, .tokens = 6};
  const Numbers x = testing::sine_tokens(6, 4);
  EXPECT_EQ(testing::message_of([&] {
              solve_limit(
                  spec, [](double) { return Numbers(31); }, x);
            }),
            "network: heads = 0; expected at least 1");
  const std::string changed = testing::message_of([&] {
    solve_limit(
        spec, [](double s) { return Numbers(s < .5 ? 32 : 64); }, x);
  });
  EXPECT_NE(changed.find("there are 64 numbers of heads, at 0 32"), std::string::npos) << changed;
  EXPECT_NE(testing::message_of([&] {
              solve_limit(
                  spec, [](double s) { return testing::sine_heads(1, 2, 4, s < .3 ? 0 : 5); }, x);
            }).find("smooth in depth"),
            std::string::npos);
  EXPECT_NE(testing::message_of([&] {
              solve_limit(
                  spec, [](double) { return Numbers(32, NAN); }, x);
            }).find("not finite"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::depth
