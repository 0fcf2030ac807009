#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <tuple>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/nets/gpt.h"

namespace starling::nets {
namespace {

using base::Index;

GptSpec numbers_in_and_out(bool bias, bool tied) {
  return {.vocabulary = 0,
          .context = 6,
          .layers = 3,
          .heads = 2,
          .width = 8,
          .bias = bias,
          .tied = tied,
          .inputs = 3,
          .outputs = 2};
}

std::vector<double> drawn(Index count, std::uint64_t seed) {
  std::vector<double> out(static_cast<std::size_t>(count));
  base::Stream(seed, 0, "test").fill_normal(std::span<double>(out));
  return out;
}

std::vector<double> drawn_parameters(const Gpt<double>& net) {
  std::vector<double> p = drawn(net.parameter_count(), 5);
  for (double& value : p) value *= 0.4;
  for (std::size_t i = static_cast<std::size_t>(net.matrix_count()); i < p.size(); ++i) p[i] += 0.7;
  return p;
}

std::vector<std::int32_t> drawn_tokens(std::size_t count, std::int32_t vocabulary) {
  base::Stream stream(3, 0, "tokens");
  std::vector<std::int32_t> out(count);
  for (auto& token : out)
    token = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(vocabulary)));
  return out;
}

// Σ w_i (y_i + y_i²) of the outputs, whose slope is left in their place.
double some_loss(std::span<double> outputs) {
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double w = 0.3 + 0.1 * static_cast<double>(i % 5), y = outputs[i];
    sum += w * (y + y * y);
    outputs[i] = w * (1 + 2 * y);
  }
  return sum;
}

void expect_finite_differences(const Gpt<double>& net, const GptInput<double>& input, Index sequences) {
  auto p = drawn_parameters(net);
  Gpt<double>::Workspace w;
  std::vector<double> gradient(p.size(), 7.0);
  some_loss(net.forward(p, input, sequences, w));
  net.backward(p, input, w, gradient);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double before = p[i], h = 1e-5;
    p[i] = before + h;
    const double up = some_loss(net.forward(p, input, sequences, w));
    p[i] = before - h;
    const double down = some_loss(net.forward(p, input, sequences, w));
    p[i] = before;
    ASSERT_NEAR(gradient[i], (up - down) / (2 * h), 2e-7 * std::max(1.0, std::abs(gradient[i]))) << i;
  }
}

class GptVariant : public ::testing::TestWithParam<std::tuple<bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(BiasAndTied, GptVariant, ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST_P(GptVariant, GradientOfNumbersReadAndGivenEqualsFiniteDifferences) {
  const auto [bias, tied] = GetParam();
  const Gpt<double> net(numbers_in_and_out(bias, tied));
  const std::vector<double> x = drawn(4 * 5 * 3, 2);
  expect_finite_differences(net, {.numbers = x}, 4);
}

TEST_P(GptVariant, GradientOfTokensReadAndNumbersGivenEqualsFiniteDifferences) {
  const auto [bias, tied] = GetParam();
  GptSpec spec = numbers_in_and_out(bias, tied);
  spec.inputs = 0;
  spec.vocabulary = 7;
  const auto tokens = drawn_tokens(18, 7);
  expect_finite_differences(Gpt<double>(spec), {.tokens = tokens}, 3);
}

TEST_P(GptVariant, GradientOfLogitsEqualsFiniteDifferences) {
  const auto [bias, tied] = GetParam();
  GptSpec spec = numbers_in_and_out(bias, tied);
  spec.inputs = spec.outputs = 0;
  spec.vocabulary = 7;
  const auto tokens = drawn_tokens(18, 7);
  expect_finite_differences(Gpt<double>(spec), {.tokens = tokens}, 3);
}

TEST(Gpt, TiedIsTheNetworkOfEqualBlocksAndItsGradientTheirSum) {
  GptSpec spec{.vocabulary = 11, .context = 7, .layers = 3, .heads = 3, .width = 9, .bias = true};
  const Gpt<double> loose(spec);
  spec.tied = true;
  const Gpt<double> tied(spec);
  const auto p = drawn_parameters(tied);
  std::map<std::string, Index> places;
  for (const Block& block : tied.blocks()) places[block.name] = block.offset;
  EXPECT_EQ(places.count("transformer.h.1.ln_1.weight"), 0U);
  // Where an entry of the network without ties lies in the tied one.
  std::vector<std::size_t> source(static_cast<std::size_t>(loose.parameter_count()));
  for (const Block& block : loose.blocks()) {
    std::string name = block.name;
    if (name.starts_with("transformer.h.")) name[14] = '0';
    Index size = 1;
    for (const auto extent : block.shape) size *= extent;
    for (Index i = 0; i < size; ++i)
      source[static_cast<std::size_t>(block.offset + i)] = static_cast<std::size_t>(places.at(name) + i);
  }
  std::vector<double> copied(source.size()), of_loose(source.size()), sums(p.size()), of_tied(p.size());
  for (std::size_t i = 0; i < source.size(); ++i) copied[i] = p[source[i]];
  const auto tokens = drawn_tokens(14, 11), targets = drawn_tokens(14, 11);
  std::vector<double> a(14), b(14);
  Gpt<double>::Workspace v, w;
  loose.loss(copied, tokens, targets, 2, v, a);
  tied.loss(p, tokens, targets, 2, w, b);
  EXPECT_EQ(a, b);
  loose.backward(copied, tokens, v, of_loose);
  tied.backward(p, tokens, w, of_tied);
  for (std::size_t i = 0; i < source.size(); ++i) sums[source[i]] += of_loose[i];
  for (std::size_t i = 0; i < p.size(); ++i) ASSERT_NEAR(of_tied[i], sums[i], 1e-13) << i;
}

TEST(Gpt, BytesOfNumbersDoNotDependOnTheNumberOfThreads) {
  GptSpec spec = numbers_in_and_out(true, true);
  spec.context = 40;
  const Gpt<double> net(spec);
  const auto p = drawn_parameters(net);
  const std::vector<double> x = drawn(30 * 40 * 3, 2);
  std::vector<double> first(p.size()), second(p.size());
  const auto gradient = [&](std::vector<double>& out) {
    Gpt<double>::Workspace w;
    some_loss(net.forward(p, {.numbers = x}, 30, w));
    net.backward(p, GptInput<double>{.numbers = x}, w, out);
  };
  {
    const base::ThreadLimit one(1);
    gradient(first);
  }
  gradient(second);
  EXPECT_EQ(first, second);
}

template <class T>
void expect_cache_follows(bool bias, bool tied, T tolerance) {
  const GptSpec spec{
      .vocabulary = 31, .context = 20, .layers = 3, .heads = 4, .width = 24, .bias = bias, .tied = tied};
  const Gpt<T> net(spec);
  std::vector<T> p(static_cast<std::size_t>(net.parameter_count()));
  base::Stream stream(1, 0, "test");
  net.initialise(stream, p);
  for (T& value : p) value *= T(5);  // attention that is far from even
  const auto tokens = drawn_tokens(20, 31);
  typename Gpt<T>::Workspace w;
  typename Gpt<T>::Cache cache;
  std::vector<T> whole(31), step(31);
  for (int round = 0; round < 2; ++round) {
    cache.clear();
    for (std::size_t n = 1; n <= tokens.size(); ++n) {
      net.extend(p, tokens[n - 1], cache, step);
      net.next(p, std::span(tokens).first(n), w, whole);
      for (std::size_t k = 0; k < whole.size(); ++k)
        ASSERT_NEAR(step[k], whole[k], tolerance * std::max(T(1), std::abs(whole[k]))) << n << " " << k;
    }
  }
  EXPECT_EQ(cache.length(), 20);
  EXPECT_THROW(net.extend(p, 0, cache, step), base::Error);
}

TEST_P(GptVariant, TokenByTokenFromTheCacheEqualsTheWholeSequence) {
  const auto [bias, tied] = GetParam();
  expect_cache_follows<double>(bias, tied, 1e-12);
  expect_cache_follows<float>(bias, tied, 1e-5F);
}

TEST(Gpt, AttentionOfAForwardPassSumsToOneAndSeesNoFuture) {
  const Gpt<double> net(numbers_in_and_out(false, false));
  const auto p = drawn_parameters(net);
  const std::vector<double> x = drawn(2 * 5 * 3, 2);
  Gpt<double>::Workspace w;
  net.forward(p, {.numbers = x}, 2, w);
  const auto maps = w.attention(2, 1);
  ASSERT_EQ(maps.size(), 2 * 5 * 5U);
  for (std::size_t row = 0; row < 10; ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < 5; ++j) {
      sum += maps[row * 5 + j];
      if (j > row % 5) {
        EXPECT_EQ(maps[row * 5 + j], 0);
      }
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(Gpt, RefusesNumbersWithoutOutputsAndLogitsOfNumbers) {
  GptSpec spec = numbers_in_and_out(false, false);
  const Gpt<double> net(spec);
  const auto p = drawn_parameters(net);
  const auto tokens = drawn_tokens(6, 7);
  const std::vector<double> x(7, 0.5);
  std::vector<double> each(6);
  Gpt<double>::Workspace w;
  EXPECT_EQ(error_of([&] { net.loss(p, tokens, tokens, 1, w, each); }),
            "loss() is of networks that predict tokens");
  EXPECT_EQ(error_of([&] { net.forward(p, {.numbers = x}, 1, w); }),
            "7 numbers; the network reads 3 a place");
  spec.outputs = 0;
  EXPECT_EQ(error_of([&] { const Gpt<double> other(spec); }), "outputs = 0; expected at least 1");
}

}  // namespace
}  // namespace starling::nets
