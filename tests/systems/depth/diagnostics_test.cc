#include "starling/systems/depth/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/data/npz.h"
#include "starling/data/safetensors.h"
#include "starling/study/store.h"
#include "starling/systems/depth/head_file.h"
#include "starling/systems/depth/head_law.h"
#include "starling/systems/depth/limit.h"
#include "study/scratch.h"
#include "systems/depth/problem.h"

namespace starling::depth {
namespace {

using study::testing::error_of;
using testing::Numbers;

// A drawn network of `heads` heads and its input, two sequences of six tokens.
struct Drawn {
  HeadLaw law = formula_law(32, 2, 4, 1, .5);
  NetworkSpec spec;
  Numbers x = formula_tokens(12, 4, 2);
  Drawn(Index layers, Index heads) : spec{.shape = law.shape(layers, heads)} {}
  Numbers weights(std::uint64_t index = 0) const {
    base::Stream stream(1, 0, "heads", index);
    return drawn_heads(law, spec.shape.layers, spec.shape.heads, stream);
  }
};

// The reference: one sequence through one network, mean_i |a_i - b_i|².
double apart(const NetworkSpec& a, const Numbers& wa, const NetworkSpec& b, const Numbers& wb,
             const Numbers& x) {
  return mean_square_distance(testing::forward_of(a, wa, 6, x), testing::forward_of(b, wb, 6, x), 6);
}

Numbers sequence(const Numbers& x, std::ptrdiff_t s) {
  return {x.begin() + 24 * s, x.begin() + 24 * (s + 1)};
}

TEST(NetworkDiagnostics, MergeAnyNumberOfLayersThatDividesThem) {
  const Drawn net(12, 3);
  const Numbers w = net.weights();
  for (const Index factor : {1, 2, 3, 4, 12}) {
    const Numbers found = merging_change(net.spec, w, 6, net.x, factor);
    NetworkSpec merged = net.spec;
    merged.shape = net.law.shape(12 / factor, 3 * factor);
    for (const int s : {0, 1}) {
      EXPECT_NEAR(found[static_cast<std::size_t>(s)], apart(merged, w, net.spec, w, sequence(net.x, s)),
                  1e-14)
          << factor;
    }
  }
  EXPECT_EQ(error_of([&] { merging_change(net.spec, w, 6, net.x, 5); }),
            "2: diagnostics: 12 layers cannot be merged by 5; expected a multiple of it");
}

TEST(NetworkDiagnostics, OfConstantHeadsAreTheEulerErrorAndNoFluctuation) {
  const HeadLaw law = formula_law(1, 2, 4, 1, .5);
  const Numbers x = formula_tokens(8, 4, 2);
  base::Stream stream(1, 0, "heads"), deal(2, 0, "deal");
  const NetworkSpec spec{.shape = law.shape(8, 5)};
  const Numbers weights = drawn_heads(law, 8, 5, stream);
  EXPECT_NEAR(halves_fluctuation(spec, weights, 8, x, &deal)[0], 0, 1e-30);
  const Numbers four = testing::forward_of({.shape = law.shape(4, 1)}, stratified_heads(law, 4), 8, x),
                eight = testing::forward_of({.shape = law.shape(8, 1)}, stratified_heads(law, 8), 8, x);
  EXPECT_NEAR(merging_change(spec, weights, 8, x)[0], mean_square_distance(four, eight, 8), 1e-15);
}

// 48 networks: each estimate of the fluctuation is the variance of the outputs, within its standard error.
TEST(NetworkDiagnostics, AgreeOnTheFluctuationOfDrawnHeads) {
  const Drawn net(16, 5);
  std::vector<Numbers> networks;
  Numbers halves, dealt;
  for (std::uint64_t r = 0; r < 48; ++r) {
    networks.push_back(net.weights(r));
    base::Stream deal(3, 0, "deal", r);
    halves.push_back(halves_fluctuation(net.spec, networks.back(), 6, net.x)[0]);
    dealt.push_back(halves_fluctuation(net.spec, networks.back(), 6, net.x, &deal)[0]);
  }
  const SeedsFluctuation seeds = seeds_fluctuation(net.spec, networks, 6, net.x);
  EXPECT_NEAR((seeds.by_sequence[0] + seeds.by_sequence[1]) / 2, seeds.mean.mean, 1e-15);
  const math::MeanInterval first = math::mean_interval(halves, .9973),
                           again = math::mean_interval(dealt, .9973);
  const double share = seeds.by_sequence[0] / seeds.mean.mean, lower = seeds.mean.lower * share,
               upper = seeds.mean.upper * share;
  EXPECT_LT(first.lower, upper);
  EXPECT_GT(first.upper, lower);
  EXPECT_LT(again.lower, upper);
  EXPECT_GT(again.upper, lower);
  EXPECT_LT(upper / lower, 2.5);
}

TEST(NetworkDiagnostics, OfSeedsAreThePairsOfThemAndTheirJackknife) {
  const Drawn net(4, 2);
  std::vector<Numbers> networks;
  for (std::uint64_t r = 0; r < 4; ++r) networks.push_back(net.weights(r));
  const auto pairs = [&](const std::vector<std::size_t>& chosen) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j, ++count) {
        for (const int s : {0, 1})
          sum += apart(net.spec, networks[chosen[i]], net.spec, networks[chosen[j]], sequence(net.x, s)) / 4;
      }
    }
    return sum / count;
  };
  const SeedsFluctuation found = seeds_fluctuation(net.spec, networks, 6, net.x);
  const double all = pairs({0, 1, 2, 3});
  EXPECT_NEAR(found.mean.mean, all, 1e-14);
  const Numbers pseudo = {4 * all - 3 * pairs({1, 2, 3}), 4 * all - 3 * pairs({0, 2, 3}),
                          4 * all - 3 * pairs({0, 1, 3}), 4 * all - 3 * pairs({0, 1, 2})};
  EXPECT_NEAR(found.mean.lower, math::mean_interval(pseudo).lower, 1e-13);
  networks.resize(2);
  EXPECT_TRUE(std::isinf(seeds_fluctuation(net.spec, networks, 6, net.x).mean.upper));
  networks.resize(1);
  EXPECT_EQ(error_of([&] { seeds_fluctuation(net.spec, networks, 6, net.x); }),
            "2: diagnostics: one network has no seeds to compare; expected two or more");
}

TEST(NetworkDiagnostics, SayHowManyLayersOrHeadsAnErrorTakes) {
  for (const auto& [euler, fluctuation, target] :
       {std::tuple{.01, .02, .05}, {0., .02, .05}, {.01, 0., .05}, {1e-9, 1e-3, .5}}) {
    const SizesForError need = sizes_for_error(euler, fluctuation, 8, 4, target);
    const double f = need.layers / 8;
    EXPECT_NEAR(euler / (f * f) + fluctuation / f, target * target, 1e-12);
    if (euler < target * target) {
      EXPECT_NEAR(euler + fluctuation * 4 / need.heads, target * target, 1e-12);
    } else {
      EXPECT_TRUE(std::isinf(need.heads));
    }
  }
}

TEST(NetworkDiagnostics, RefuseWhatTheyCannotJudge) {
  const Drawn net(4, 1);
  EXPECT_EQ(error_of([&] { halves_fluctuation(net.spec, net.weights(), 6, net.x); }),
            "2: diagnostics: 1 heads and 0 neurons cannot be halved; expected at least 2, and an even number "
            "of neurons");
  EXPECT_EQ(error_of([&] { merging_change(net.spec, net.weights(), 7, net.x); }),
            "2: diagnostics: x has 48 numbers; expected sequences of 7 tokens with 4 numbers each");
  NetworkSpec usual = net.spec;
  usual.residual_exponent = 0;
  EXPECT_EQ(error_of([&] { merging_change(usual, net.weights(), 6, net.x); }),
            "2: diagnostics: residual_exponent 0; expected 1");
}

// A file's arrays q, k, v, o of a network of two layers of three heads.
struct Arrays {
  Numbers parts[4];
  std::vector<std::int64_t> shapes[4] = {{2, 3, 2, 4}, {2, 3, 2, 4}, {2, 3, 2, 4}, {2, 3, 4, 2}};
  Arrays() {
    for (std::size_t m = 0; m < 4; ++m) {
      for (int e = 0; e < 48; ++e) parts[m].push_back(100. * static_cast<double>(m) + e);
    }
  }
  std::string npz() const {
    std::vector<data::NpzEntry> entries;
    for (std::size_t m = 0; m < 4; ++m) entries.push_back({names[m], data::encode_npy(shapes[m], parts[m])});
    return data::encode_npz(entries);
  }
  std::string safetensors() const {
    data::TensorFile file;
    for (std::size_t m = 0; m < 4; ++m) {
      const std::vector<float> single(parts[m].begin(), parts[m].end());
      file.tensors.push_back(data::make_tensor<float>(names[m], shapes[m], single));
    }
    return data::encode_safetensors(file);
  }
  static constexpr const char* names[4] = {"q", "k", "v", "o"};
};

TEST(HeadFile, GivesTheSameNetworkFromEitherFormat) {
  const Arrays arrays;
  const HeadNetwork one = parse_heads(arrays.npz(), "a.npz"),
                    two = parse_heads(arrays.safetensors(), "a.safetensors");
  EXPECT_EQ(one.weights, two.weights);
  EXPECT_EQ(one.shape.layers, 2);
  EXPECT_EQ(one.shape.heads, 3);
  EXPECT_EQ(one.shape.head_width, 2);
  EXPECT_EQ(one.shape.width, 4);
  // Layer 1, head 2, matrix V begins after five heads of 32 numbers and Q and K.
  EXPECT_EQ(one.weights[5 * 32 + 16], 200 + 5 * 8);
}

TEST(HeadFile, NamesWhatIsMissingOrOfAnotherShapeOrNotFinite) {
  Arrays arrays;
  arrays.shapes[3] = {2, 3, 2, 4};
  EXPECT_EQ(error_of([&] { parse_heads(arrays.npz(), "a.npz"); }),
            "3: a.npz: array 'o' has shape (2, 3, 2, 4); expected (2, 3, 4, 2)");
  arrays = Arrays();
  arrays.parts[1][7] = NAN;
  EXPECT_EQ(error_of([&] { parse_heads(arrays.npz(), "a.npz"); }),
            "3: a.npz: tensor 'k': number 8 is nan; expected finite numbers");
  EXPECT_EQ(error_of([&] {
              parse_heads(data::encode_npz({{"w", data::encode_npy(Arrays().shapes[0], Arrays().parts[0])}}),
                          "a.npz");
            }),
            "3: a.npz: no array 'q'; it holds 'w' (2, 3, 2, 4); expected q, k, v (layers, heads, head width, "
            "width) and o (layers, heads, width, head width)");
  EXPECT_EQ(error_of([&] { parse_heads("", "a.pt"); }),
            "3: a.pt: weights are read from .npz or .safetensors");
}

}  // namespace
}  // namespace starling::depth
