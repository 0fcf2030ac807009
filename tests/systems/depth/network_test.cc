#include "starling/systems/depth/network.h"

#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/systems/depth/clustering.h"
#include "starling/systems/depth/head_law.h"
#include "starling/systems/depth/training.h"
#include "systems/depth/problem.h"

namespace starling::depth {
namespace {

using testing::Numbers;
using testing::square;

double sum_of(const Numbers& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum;
}

constexpr HeadShape one_block{1, 2, 2, 3}, three_layers{3, 2, 2, 3};

TEST(DepthNetwork, OfOneBlockHasTheKnownFigures) {
  const Numbers x = testing::sine_tokens(4, 3), weights = testing::sine_heads(2, 2, 3, 0);
  const auto attention = [&](bool causal) {
    Numbers a = testing::forward_of({.shape = one_block, .causal = causal}, weights, 4, x);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] -= x[i];
    return a;
  };
  const Numbers all = attention(false), causal = attention(true);
  const std::array<double, 3> row0 = {.00440423515949, -.000980981631644, -.004004393333957},
                              row2 = {-.092208294681687, .095861570005463, -.09187787805589},
                              causal0 = {.188611310678368, -.187140049762658, .166867018860706};
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(all[a], row0[a], 1e-15);
    EXPECT_NEAR(all[6 + a], row2[a], 1e-14);
    EXPECT_NEAR(causal[a], causal0[a], 1e-15);
    EXPECT_NEAR(causal[9 + a], all[9 + a], 1e-15);
  }
  EXPECT_NEAR(all[9], .001689637369635, 1e-15);
  const Numbers end = testing::forward_of({.shape = one_block}, weights, 4, x),
                causal_end = testing::forward_of({.shape = one_block, .causal = true}, weights, 4, x);
  EXPECT_NEAR(sum_of(end), -.894458235491423, 2e-14);
  EXPECT_NEAR(square(end), 5.994232813542561, 2e-14);
  EXPECT_NEAR(sum_of(causal_end), -.7408991264094593, 2e-14);
  EXPECT_NEAR(square(causal_end), 6.556716158421943, 2e-14);
}

TEST(DepthNetwork, HasTheKnownLossAdjointAndGradient) {
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3),
                weights = testing::sine_layers(three_layers);
  const NetworkSpec spec{.shape = three_layers}, causal{.shape = three_layers, .causal = true};
  const auto all = testing::gradient_of(spec, weights, 4, x, y);
  const auto masked = testing::gradient_of(causal, weights, 4, x, y);
  EXPECT_NEAR(all.loss, 1.982351965795972, 1e-14);
  EXPECT_NEAR(square(all.p0), 1.048699983381498, 1e-14);
  const std::array<double, 3> p0 = {-.054553552877208, -.045957461985669, .311567793816476};
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(all.p0[a], p0[a], 1e-15);
  EXPECT_NEAR(masked.loss, 1.952847182364130, 1e-14);
  EXPECT_NEAR(square(masked.p0), .9971263964489208, 1e-14);
  EXPECT_NEAR(all.gradient[0] * spec.scale(), 6.777710049164084e-3, 1e-16);
  EXPECT_NEAR(masked.gradient[0] * spec.scale(), 3.839676838361644e-3, 1e-16);
  const std::array<double, 4> norms = {9.222437436021e-3, 3.190116053313e-2, 3.072517992983e-2,
                                       2.675371182721e-2};
  for (Index t = 0; t < 4; ++t) {
    double squares = 0;
    for (Index h = 0; h < 2; ++h) {
      const Index at = 2 * three_layers.layer() + h * three_layers.head() + t * three_layers.matrix();
      for (Index i = 0; i < three_layers.matrix(); ++i) {
        const double raw = all.gradient[static_cast<std::size_t>(at + i)] * spec.scale();
        squares += raw * raw;
      }
    }
    EXPECT_NEAR(std::sqrt(squares), norms[static_cast<std::size_t>(t)], 1e-14) << t;
  }
}

TEST(DepthNetwork, HasTheGradientThatDifferencesOfTheLossGive) {
  for (const auto& [causal, exponent, sequences] :
       {std::tuple{false, 1.0, Index{1}}, {true, 1.0, 1}, {false, 1.0, 2}, {false, .5, 2}, {true, 0.0, 2}}) {
    const Numbers x = testing::sine_tokens(4 * sequences, 3), y = testing::cosine_targets(4 * sequences, 3);
    const NetworkSpec spec{.shape = three_layers, .causal = causal, .residual_exponent = exponent};
    Numbers weights = testing::sine_layers(three_layers), start = x;
    const auto exact = testing::gradient_of(spec, weights, 4, x, y);
    Network<double> network(spec, 4, sequences);
    // Five points, off by h⁴/30 times a fifth derivative and by rounding over h.
    constexpr double h = 1e-3, tolerance = 4e-12;
    const auto slope = [&](double& entry) {
      const double at = entry;
      const auto loss_at = [&](double step) {
        entry = at + step;
        return network.loss(weights, start, y);
      };
      const double wide = loss_at(2 * h) - loss_at(-2 * h), narrow = loss_at(h) - loss_at(-h);
      entry = at;
      return (8 * narrow - wide) / (12 * h);
    };
    for (std::size_t i = 0; i < weights.size(); ++i)
      ASSERT_NEAR(exact.gradient[i] * spec.scale(), slope(weights[i]), tolerance) << i;
    for (std::size_t i = 0; i < start.size(); ++i) ASSERT_NEAR(exact.p0[i], slope(start[i]), tolerance) << i;
  }
}

TEST(DepthNetwork, OnTheSphereHasUnitTokensAndTheGradientThatDifferencesOfTheLossGive) {
  const Numbers y = testing::cosine_targets(4, 3);
  for (const Memory memory : {Memory::stored, Memory::checkpoints}) {
    const NetworkSpec spec{
        .shape = three_layers, .memory = memory, .norm = kernels::Norm::rms, .sphere = true};
    Numbers weights = testing::sine_layers(three_layers), x = testing::sine_tokens(4, 3);
    const Numbers out = testing::forward_of(spec, weights, 4, x);
    for (std::size_t i = 0; i < out.size(); i += 3)
      EXPECT_NEAR(std::hypot(out[i], out[i + 1], out[i + 2]), 1, 1e-15);
    const auto exact = testing::gradient_of(spec, weights, 4, x, y);
    Network<double> network(spec, 4, 1);
    constexpr double h = 1e-3, tolerance = 1e-11;
    const auto slope = [&](double& entry) {
      const double at = entry;
      const auto loss_at = [&](double step) {
        entry = at + step;
        return network.loss(weights, x, y);
      };
      const double wide = loss_at(2 * h) - loss_at(-2 * h), narrow = loss_at(h) - loss_at(-h);
      entry = at;
      return (8 * narrow - wide) / (12 * h);
    };
    for (std::size_t i = 0; i < weights.size(); ++i)
      ASSERT_NEAR(exact.gradient[i] * spec.scale(), slope(weights[i]), tolerance) << i;
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(exact.p0[i], slope(x[i]), tolerance) << i;
  }
  EXPECT_THROW(validate({.shape = three_layers, .memory = Memory::inverse, .sphere = true}), base::Error);
}

// Q'K = β and O V = 1: a layer is a step of 1/L of the flow of tokens that cluster.
TEST(DepthNetwork, OnTheSphereFollowsTheFlowOfClustersToFirstOrder) {
  constexpr Index width = 3, tokens = 5;
  constexpr double beta = 4, times[] = {1.0};
  const Numbers x = testing::sine_tokens(tokens, width), known = cluster(x, width, beta, times);
  const auto error = [&](Index layers) {
    const HeadShape shape{layers, 1, width, width};
    Numbers weights(static_cast<std::size_t>(shape.size()), 0.0);
    for (Index l = 0; l < layers; ++l) {
      for (Index a = 0; a < width; ++a) {
        const auto at = static_cast<std::size_t>(l * shape.layer() + a * (width + 1));
        const auto matrix = static_cast<std::size_t>(shape.matrix());
        weights[at] =
            beta * std::sqrt(static_cast<double>(width));  // scores are divided by the root of the head width
        for (const std::size_t m : {1U, 2U, 3U}) weights[at + m * matrix] = 1;
      }
    }
    const Numbers out = testing::forward_of({.shape = shape, .sphere = true}, weights, tokens, x);
    double most = 0;
    for (std::size_t i = 0; i < out.size(); ++i) most = std::max(most, std::abs(out[i] - known[i]));
    return most;
  };
  const double coarse = error(100), fine = error(200);
  EXPECT_LT(fine, 5e-3);
  EXPECT_NEAR(coarse / fine, 2, .05);
}

// <p_l, dx_l> for l = 0..L, dx_0 = sin(1, 2, ...), of a network on one sequence.
Numbers pairings(const NetworkSpec& spec, const Numbers& weights, Index tokens, const Numbers& x,
                 const Numbers& y) {
  LaneNetwork<double> lanes(spec, tokens, kernels::LaneWeights::shared);
  const Index wide = lanes.lanes(), size = lanes.entries();
  kernels::Scratch<double> tangent(static_cast<std::size_t>(size * wide));
  std::fill_n(tangent.data(), size * wide, 0.0);
  put_lane<double>(x, 0, wide, lanes.input());
  const double* end = lanes.forward(weights.data());
  for (Index e = 0; e < size; ++e) {
    tangent.data()[e * wide] = std::sin(static_cast<double>(e + 1));
    lanes.adjoint()[e * wide] =
        (end[e * wide] - y[static_cast<std::size_t>(e)]) / static_cast<double>(tokens);
  }
  std::vector<Numbers> adjoints(static_cast<std::size_t>(spec.shape.layers + 1), Numbers(x.size()));
  lanes.backward(weights.data(), nullptr, [&](Index l, const double* p) {
    take_lane<double>(p, 0, wide, adjoints[static_cast<std::size_t>(l)]);
  });
  Numbers out;
  lanes.tangent(weights.data(), tangent.data(), [&](Index l, const double*, const double* dx) {
    double sum = 0;
    for (Index e = 0; e < size; ++e)
      sum += adjoints[static_cast<std::size_t>(l)][static_cast<std::size_t>(e)] * dx[e * wide];
    out.push_back(sum);
  });
  return out;
}

TEST(DepthNetwork, PairsAdjointsWithTangentsAlikeAtEveryDepth) {
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3),
                weights = testing::sine_layers(three_layers);
  for (const bool causal : {false, true}) {
    const Numbers all = pairings({.shape = three_layers, .causal = causal}, weights, 4, x, y);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_NEAR(all[0], causal ? .0989871505 : .0964222868, 1e-10);
    for (const double pairing : all) EXPECT_NEAR(pairing, all[0], 1e-15);
  }
}

TEST(DepthNetwork, PairsAlikeOnTheSphere) {
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3),
                weights = testing::sine_layers(three_layers);
  for (const Memory memory : {Memory::stored, Memory::checkpoints}) {
    const Numbers all = pairings({.shape = three_layers, .memory = memory, .sphere = true}, weights, 4, x, y);
    EXPECT_GT(std::abs(all[0]), 1e-3);
    for (const double pairing : all) EXPECT_NEAR(pairing, all[0], 1e-15);
  }
}

TEST(DepthNetwork, PairsAlikeAfterTraining) {
  const HeadLaw law = formula_law(32, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2), y = formula_targets(x, 4);
  base::Stream stream(1, 0, "heads");
  const TrainingSpec spec{.network = {.shape = law.shape(16, 4)}, .tokens = 8, .steps = 10};
  const Trained run = train(spec, drawn_heads(law, 16, 4, stream), x, y);
  for (const Memory memory : {Memory::stored, Memory::checkpoints, Memory::inverse}) {
    NetworkSpec network = spec.network;
    network.memory = memory;
    const Numbers all = pairings(network, run.weights, 8, x, y);
    ASSERT_EQ(all.size(), 17U);
    EXPECT_GT(std::abs(all[0]), .01);
    for (const double pairing : all) EXPECT_NEAR(pairing, all[0], 1e-15);
  }
}

TEST(DepthNetwork, IsTheSameWhateverItRemembers) {
  const HeadShape shape{37, 3, 2, 4};
  const Numbers x = testing::sine_tokens(6, 4), y = testing::cosine_targets(6, 4),
                weights = testing::sine_layers(shape, 4.0 / 37);
  for (const bool causal : {false, true}) {
    NetworkSpec spec{.shape = shape, .causal = causal};
    const auto stored = testing::gradient_of(spec, weights, 6, x, y);
    spec.memory = Memory::checkpoints;
    const auto replayed = testing::gradient_of(spec, weights, 6, x, y);
    EXPECT_EQ(replayed.gradient, stored.gradient);
    EXPECT_EQ(replayed.p0, stored.p0);
    spec.memory = Memory::inverse;
    const auto inverted = testing::gradient_of(spec, weights, 6, x, y);
    EXPECT_LT(testing::largest_gap(inverted.gradient, stored.gradient), 2e-15);
    EXPECT_LT(testing::largest_gap(inverted.p0, stored.p0), 3e-16);
  }
}

TEST(DepthNetwork, OfEveryKindIsDifferentiatedExactly) {
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3);
  for (const auto& [norm, neurons] : {std::pair{kernels::Norm::layer, Index{0}},
                                      {kernels::Norm::rms, 0},
                                      {kernels::Norm::none, 5},
                                      {kernels::Norm::rms, 2}}) {
    SCOPED_TRACE(::testing::Message() << "norm " << static_cast<int>(norm) << ", neurons " << neurons);
    NetworkSpec spec{.shape = {3, 2, 2, 3, neurons}, .norm = norm};
    Numbers weights = testing::sine_layers(three_layers), start = x;
    while (static_cast<Index>(weights.size()) < spec.shape.size())
      weights.push_back(std::sin(1.3 * static_cast<double>(weights.size())));
    const auto exact = testing::gradient_of(spec, weights, 4, x, y);
    Network<double> network(spec, 4, 1);
    constexpr double h = 1e-3, tolerance = 4e-11;
    const auto slope = [&](double& entry) {
      const double at = entry;
      const auto loss_at = [&](double step) {
        entry = at + step;
        return network.loss(weights, start, y);
      };
      const double wide = loss_at(2 * h) - loss_at(-2 * h), narrow = loss_at(h) - loss_at(-h);
      entry = at;
      return (8 * narrow - wide) / (12 * h);
    };
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const bool in_head = static_cast<Index>(i) < spec.shape.heads_size();
      ASSERT_NEAR(exact.gradient[i] * (in_head ? spec.scale() : spec.neuron_scale()), slope(weights[i]),
                  tolerance)
          << i;
    }
    for (std::size_t i = 0; i < start.size(); ++i) ASSERT_NEAR(exact.p0[i], slope(start[i]), tolerance) << i;
    const Numbers all = pairings(spec, weights, 4, x, y);
    for (const double pairing : all) EXPECT_NEAR(pairing, all[0], 1e-15);
    spec.memory = Memory::checkpoints;
    EXPECT_EQ(testing::gradient_of(spec, weights, 4, x, y).gradient, exact.gradient);
    if (neurons > 0) continue;  // three layers of large neurons are no small steps
    spec.memory = Memory::inverse;
    EXPECT_LT(testing::largest_gap(testing::gradient_of(spec, weights, 4, x, y).gradient, exact.gradient),
              1e-13);
  }
}

TEST(DepthNetwork, AddsTheFormulaOfItsNeurons) {
  // Heads of zeros add nothing.
  const HeadShape shape{1, 1, 1, 2, 3};
  Numbers weights(static_cast<std::size_t>(shape.heads_size()), 0.0);
  for (int i = 0; i < 12; ++i) weights.push_back(std::cos(2.1 * i));
  const Numbers x = testing::sine_tokens(3, 2), end = testing::forward_of({.shape = shape}, weights, 3, x);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t a = 0; a < 2; ++a) {
      double sum = x[2 * i + a];
      for (std::size_t m = 0; m < 3; ++m) {
        const double* w = weights.data() + shape.heads_size() + 4 * static_cast<Index>(m);
        sum += w[2 + a] * std::tanh(w[0] * x[2 * i] + w[1] * x[2 * i + 1]) / 3;
      }
      EXPECT_NEAR(end[2 * i + a], sum, 1e-15);
    }
  }
}

TEST(DepthNetwork, InvertsItsLayersInTheKnownNumberOfIterations) {
  const Numbers x = testing::sine_tokens(6, 4);
  for (const auto& [layers, known] : {std::pair<Index, double>{8, 13.0}, {64, 7.5}, {512, 5.3}}) {
    const HeadShape shape{layers, 3, 2, 4};
    const Numbers weights = testing::sine_layers(shape, 4 / static_cast<double>(layers));
    LaneNetwork<double> lanes({.shape = shape, .memory = Memory::inverse}, 6, kernels::LaneWeights::shared);
    const Index wide = lanes.lanes();
    for (Index lane = 0; lane < wide; ++lane) put_lane<double>(x, lane, wide, lanes.input());
    const Index count = lanes.entries() * wide;
    kernels::Scratch<double> after(static_cast<std::size_t>(count)), before(static_cast<std::size_t>(count));
    std::copy_n(lanes.forward(weights.data()), count, after.data());
    int iterations = 0;
    for (Index l = layers - 1; l >= 0; --l) {
      iterations += lanes.invert(weights.data(), l, after.data(), before.data());
      std::copy_n(before.data(), count, after.data());
    }
    EXPECT_NEAR(iterations / static_cast<double>(layers), known, .35) << layers;
    Numbers start(x.size());
    take_lane<double>(after.data(), 0, wide, start);
    EXPECT_LT(testing::largest_gap(start, x), 3e-15);
  }
}

TEST(DepthNetwork, HoldsTenThousandLayersInLittleMemory) {
  const HeadShape shape{10000, 1, 2, 3};
  const Numbers x = testing::sine_tokens(4, 3), y = testing::cosine_targets(4, 3),
                weights = testing::sine_layers(shape, 4e-4);
  NetworkSpec spec{.shape = shape};
  EXPECT_EQ(activation_bytes(spec, 4, 8, 8), 10000U * 12 * 64);
  const auto stored = testing::gradient_of(spec, weights, 4, x, y);
  spec.memory = Memory::checkpoints;
  EXPECT_EQ(activation_bytes(spec, 4, 8, 8), 200U * 12 * 64);
  EXPECT_EQ(testing::gradient_of(spec, weights, 4, x, y).gradient, stored.gradient);
  spec.memory = Memory::inverse;
  EXPECT_EQ(activation_bytes(spec, 4, 8, 8), 12U * 64);
  const auto inverted = testing::gradient_of(spec, weights, 4, x, y);
  EXPECT_LT(testing::largest_gap(inverted.gradient, stored.gradient), 1e-12);
  EXPECT_LT(testing::largest_gap(inverted.p0, stored.p0), 1e-12);
}

TEST(DepthNetwork, OfASequenceDoesNotDependOnTheOthersNorOnThreads) {
  const HeadShape shape{5, 2, 2, 3};
  const Numbers weights = testing::sine_layers(shape), x = testing::sine_tokens(4 * 41, 3),
                y = testing::cosine_targets(4 * 41, 3);
  const NetworkSpec spec{.shape = shape};
  const auto many = testing::gradient_of(spec, weights, 4, x, y);
  {
    const base::ThreadLimit one(1);
    const auto alone = testing::gradient_of(spec, weights, 4, x, y);
    EXPECT_EQ(alone.gradient, many.gradient);
    EXPECT_EQ(alone.loss, many.loss);
  }
  const Numbers last(x.end() - 12, x.end());
  const Numbers single = testing::forward_of(spec, weights, 4, last);
  for (std::size_t e = 0; e < 12; ++e) EXPECT_EQ(single[e], many.x1[40 * 12 + e]);
}

TEST(DepthNetwork, InSinglePrecisionFollowsDouble) {
  const HeadShape shape{64, 3, 2, 4};
  const Numbers x = testing::sine_tokens(6, 4), y = testing::cosine_targets(6, 4),
                weights = testing::sine_layers(shape, 4.0 / 64);
  const auto exact = testing::gradient_of({.shape = shape}, weights, 6, x, y);
  const std::vector<float> xf(x.begin(), x.end()), yf(y.begin(), y.end()), wf(weights.begin(), weights.end());
  for (const Memory memory : {Memory::stored, Memory::checkpoints, Memory::inverse}) {
    Network<float> network({.shape = shape, .memory = memory}, 6, 1);
    std::vector<float> gradient(wf.size());
    EXPECT_NEAR(network.gradient(wf, xf, yf, gradient), exact.loss, 2e-6);
    for (std::size_t i = 0; i < gradient.size(); ++i) ASSERT_NEAR(gradient[i], exact.gradient[i], 4e-6);
  }
}

TEST(DepthNetwork, NamesWhatDoesNotFit) {
  EXPECT_EQ(testing::message_of([] {
              Network<double>({.shape = {0, 1, 2, 3}}, 4, 1);
            }),
            "network: layers = 0; expected at least 1");
  EXPECT_EQ(testing::message_of([] {
              Network<double>({.shape = {1, 0, 2, 3}}, 4, 1);
            }),
            "network: heads = 0; expected at least 1");
  EXPECT_EQ(testing::message_of([] {
              Network<double>({.shape = {1, 1, 2, 3}}, 0, 1);
            }),
            "network: tokens = 0; expected at least 1");
  EXPECT_EQ(testing::message_of([] { memory_policy("inverce"); }),
            "unknown memory 'inverce'; did you mean 'inverse'?");
  Network<double> network({.shape = {1, 1, 2, 3}}, 4, 1);
  const Numbers few(5);
  Numbers out(12);
  EXPECT_EQ(testing::message_of([&] { network.forward(few, out, out); }),
            "network: weights has 5 numbers; its shape asks for 24");
  // A layer that is no small step has no inverse that the fixed point finds.
  NetworkSpec large{.shape = {1, 1, 2, 3}, .memory = Memory::inverse};
  EXPECT_NE(testing::message_of([&] {
              testing::gradient_of(large, testing::sine_heads(1, 2, 3, 0, 4), 4, testing::sine_tokens(4, 3),
                                   testing::cosine_targets(4, 3));
            }).find("inverse of a layer"),
            std::string::npos);
}

}  // namespace
}  // namespace starling::depth
