#include "starling/optim/block_optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::optim {
namespace {

constexpr Rule rules[] = {Rule::adamw,   Rule::muon, Rule::normuon, Rule::adamuon, Rule::scion,
                          Rule::shampoo, Rule::soap, Rule::lion,    Rule::sgd};

// A 6 x 4 matrix, its bias, a 3 x 6 head.
const std::vector<TrainedBlock> blocks = {
    {"w", 0, 6, 4, true}, {"b", 24, 6, 1, false}, {"head", 30, 3, 6, false}};
constexpr base::Index count = 48;

std::vector<double> normal(std::uint64_t seed) {
  std::vector<double> out(count);
  base::Stream(seed, 0, "test").fill_normal(std::span<double>(out));
  return out;
}

TEST(BlockOptimizer, StepsMatricesByTheRuleAndTheRestByAdamW) {
  const TrainerSpec spec{.rule = Rule::muon, .adam = {.decay = .1}, .momentum = .9, .others = .2};
  BlockOptimizer<double> optimizer(spec, blocks, count);
  Muon<double> muon({.momentum = .9, .decay = .1}, 6, 4);
  AdamWState<double> adam(24);
  std::vector<double> together = normal(1), apart = together;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const std::vector<double> g = normal(2 + i);
    optimizer.step(.02, together, g);
    muon.step(.02, std::span(apart).first(24), std::span(g).first(24));
    adamw_step<double>({.decay = .1}, .02 * .2, std::span(apart).subspan(24), std::span(g).subspan(24), adam);
    EXPECT_EQ(together, apart);
  }
}

TEST(BlockOptimizer, StepsABatchOfMatricesAsEachByItself) {
  const std::vector<TrainedBlock> batch = {{"w", 0, 4, 4, true, 3}},
                                  apart = {
                                      {"a", 0, 4, 4, true}, {"b", 16, 4, 4, true}, {"c", 32, 4, 4, true}};
  for (const Rule rule : rules) {
    BlockOptimizer<double> together({.rule = rule}, batch, count), one_by_one({.rule = rule}, apart, count);
    std::vector<double> w = normal(1), other = w;
    for (std::uint64_t i = 0; i < 3; ++i) {
      together.step(.02, w, normal(2 + i));
      one_by_one.step(.02, other, normal(2 + i));
    }
    EXPECT_EQ(w, other) << static_cast<int>(rule);
  }
}

TEST(BlockOptimizer, GoesOnFromItsStateAsIfNothingHadBeen) {
  for (const Rule rule : rules) {
    const TrainerSpec spec{.rule = rule};
    BlockOptimizer<double> optimizer(spec, blocks, count), restored(spec, blocks, count);
    std::vector<double> w = normal(1);
    for (std::uint64_t i = 0; i < 3; ++i) optimizer.step(.02, w, normal(2 + i));
    std::vector<double> other = w;
    const auto from = optimizer.state(), to = restored.state();
    ASSERT_EQ(from.size(), to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      EXPECT_EQ(from[i].first, to[i].first);
      std::ranges::copy(from[i].second, to[i].second.begin());
    }
    restored.restore_steps(optimizer.steps());
    for (std::uint64_t i = 0; i < 3; ++i) {
      optimizer.step(.02, w, normal(9 + i));
      restored.step(.02, other, normal(9 + i));
    }
    EXPECT_EQ(w, other) << static_cast<int>(rule);
  }
}

TEST(BlockOptimizer, EveryRuleDescends) {
  const std::vector<double> target = normal(5);
  for (const Rule rule : rules) {
    BlockOptimizer<double> optimizer({.rule = rule, .momentum = .8}, blocks, count);
    std::vector<double> w(count, 0), g(count);
    const auto distance = [&] {
      double sum = 0;
      for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(w[i] - target[i], 2);
      return std::sqrt(sum);
    };
    const double before = distance();
    for (int i = 0; i < 800; ++i) {
      for (std::size_t j = 0; j < w.size(); ++j) g[j] = w[j] - target[j];
      optimizer.step(rule == Rule::muon || rule == Rule::scion ? .02 : .01, w, g);
    }
    EXPECT_LT(distance(), .7 * before) << static_cast<int>(rule);
  }
}

}  // namespace
}  // namespace starling::optim
