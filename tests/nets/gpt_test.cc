#include "starling/nets/gpt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::nets {
namespace {

using base::Index;

GptSpec small(bool bias) {
  return {.vocabulary = 11, .context = 7, .layers = 2, .heads = 3, .width = 9, .bias = bias};
}

template <class T>
std::vector<T> random_parameters(const Gpt<T>& net) {
  std::vector<T> p(static_cast<std::size_t>(net.parameter_count()));
  base::Stream(5, 0, "test").fill_normal(std::span<T>(p));
  for (T& value : p) value *= T(0.4);
  for (std::size_t i = static_cast<std::size_t>(net.matrix_count()); i < p.size(); ++i) p[i] += T(0.7);
  return p;
}

std::vector<std::int32_t> random_tokens(std::size_t count, std::int32_t vocabulary, std::uint64_t seed) {
  base::Stream stream(seed, 0, "tokens");
  std::vector<std::int32_t> out(count);
  for (auto& token : out)
    token = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(vocabulary)));
  return out;
}

using Rows = std::vector<std::vector<double>>;

// The formulas one number at a time, parameters found by their names.
struct Reference {
  const Gpt<double>& net;
  const std::vector<double>& p;

  const double* find(const std::string& name) const {
    for (const Block& block : net.blocks())
      if (block.name == "transformer." + name) return p.data() + block.offset;
    return nullptr;
  }
  std::vector<double> norm(const std::vector<double>& x, const std::string& name) const {
    const double n = static_cast<double>(x.size());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    double variance = 0;
    for (const double v : x) variance += (v - mean) * (v - mean) / n;
    const double *gain = find(name + ".weight"), *bias = find(name + ".bias");
    std::vector<double> y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k)
      y[k] = (x[k] - mean) / std::sqrt(variance + 1e-5) * gain[k] + (bias ? bias[k] : 0);
    return y;
  }
  std::vector<double> linear(const std::vector<double>& x, const std::string& name,
                             std::size_t outputs) const {
    const double *w = find(name + ".weight"), *bias = find(name + ".bias");
    std::vector<double> y(outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      y[o] = bias ? bias[o] : 0;
      for (std::size_t k = 0; k < x.size(); ++k) y[o] += w[o * x.size() + k] * x[k];
    }
    return y;
  }
  static void add(std::vector<double>& x, const std::vector<double>& y) {
    for (std::size_t k = 0; k < x.size(); ++k) x[k] += y[k];
  }
  Rows attend(const Rows& qkv) const {
    const auto c = static_cast<std::size_t>(net.spec().width),
               heads = static_cast<std::size_t>(net.spec().heads), size = c / heads;
    Rows out(qkv.size(), std::vector<double>(c));
    for (std::size_t h = 0; h < heads; ++h) {
      for (std::size_t i = 0; i < qkv.size(); ++i) {
        std::vector<double> weight(i + 1);
        double total = 0;
        for (std::size_t j = 0; j <= i; ++j) {
          double score = 0;
          for (std::size_t a = 0; a < size; ++a) score += qkv[i][h * size + a] * qkv[j][c + h * size + a];
          total += weight[j] = std::exp(score / std::sqrt(static_cast<double>(size)));
        }
        for (std::size_t j = 0; j <= i; ++j)
          for (std::size_t a = 0; a < size; ++a)
            out[i][h * size + a] += weight[j] / total * qkv[j][2 * c + h * size + a];
      }
    }
    return out;
  }
  Rows logits(std::span<const std::int32_t> tokens) const {
    const auto c = static_cast<std::size_t>(net.spec().width),
               v = static_cast<std::size_t>(net.spec().vocabulary);
    Rows x(tokens.size(), std::vector<double>(c));
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t k = 0; k < c; ++k)
        x[i][k] =
            find("wte.weight")[static_cast<std::size_t>(tokens[i]) * c + k] + find("wpe.weight")[i * c + k];
    for (Index l = 0; l < net.spec().layers; ++l) {
      const std::string h = "h." + std::to_string(l) + ".";
      Rows qkv;
      for (const auto& row : x) qkv.push_back(linear(norm(row, h + "ln_1"), h + "attn.c_attn", 3 * c));
      const Rows mixed = attend(qkv);
      for (std::size_t i = 0; i < x.size(); ++i) {
        add(x[i], linear(mixed[i], h + "attn.c_proj", c));
        auto hidden = linear(norm(x[i], h + "ln_2"), h + "mlp.c_fc", 4 * c);
        for (double& u : hidden) u *= 0.5 * (1 + std::erf(u / std::sqrt(2.0)));
        add(x[i], linear(hidden, h + "mlp.c_proj", c));
      }
    }
    Rows out;
    for (const auto& row : x) {
      out.push_back(linear(norm(row, "ln_f"), "wte", v));
    }
    return out;
  }
};

double mean(const std::vector<double>& each) {
  return std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(each.size());
}

class GptNetwork : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Bias, GptNetwork, ::testing::Bool());

TEST_P(GptNetwork, EqualsTheFormulasOneNumberAtATime) {
  const Gpt<double> net(small(GetParam()));
  const auto p = random_parameters(net);
  const auto tokens = random_tokens(15, 11, 1), targets = random_tokens(15, 11, 2);
  std::vector<double> each(15), last(11);
  Gpt<double>::Workspace w;
  net.loss(p, tokens, targets, 3, w, each);
  const Reference reference{net, p};
  for (std::size_t s = 0; s < 3; ++s) {
    const std::span<const std::int32_t> sequence(tokens.data() + 5 * s, 5);
    const Rows logits = reference.logits(sequence);
    for (std::size_t i = 0; i < 5; ++i) {
      double total = 0;
      for (const double z : logits[i]) total += std::exp(z);
      const double loss = std::log(total) - logits[i][static_cast<std::size_t>(targets[5 * s + i])];
      EXPECT_NEAR(each[5 * s + i], loss, 1e-12);
    }
    net.next(p, sequence, w, last);
    for (std::size_t k = 0; k < 11; ++k) EXPECT_NEAR(last[k], logits[4][k], 1e-12);
  }
}

TEST_P(GptNetwork, EveryGradientEqualsFiniteDifferences) {
  const Gpt<double> net(small(GetParam()));
  auto p = random_parameters(net);
  const auto tokens = random_tokens(18, 11, 1), targets = random_tokens(18, 11, 2);
  std::vector<double> each(18), gradient(p.size(), 7.0);
  Gpt<double>::Workspace w;
  net.loss(p, tokens, targets, 3, w, each);
  net.backward(p, tokens, w, gradient);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double before = p[i], h = 1e-5;
    p[i] = before + h;
    net.loss(p, tokens, targets, 3, w, each);
    const double up = mean(each);
    p[i] = before - h;
    net.loss(p, tokens, targets, 3, w, each);
    p[i] = before;
    ASSERT_NEAR(gradient[i], (up - mean(each)) / (2 * h), 1e-8) << i;
  }
}

TEST_P(GptNetwork, FloatFollowsDouble) {
  GptSpec spec{.vocabulary = 70, .context = 33, .layers = 3, .heads = 2, .width = 40, .bias = GetParam()};
  const Gpt<double> exact(spec);
  const Gpt<float> net(spec);
  std::vector<double> p(static_cast<std::size_t>(exact.parameter_count()));
  base::Stream stream(1, 0, "test");
  exact.initialise(stream, p);
  const std::vector<float> q(p.begin(), p.end());
  const std::vector<double> rounded(q.begin(), q.end());
  const auto tokens = random_tokens(297, 70, 1), targets = random_tokens(297, 70, 2);
  std::vector<double> a(tokens.size()), b(tokens.size()), g(p.size());
  std::vector<float> f(p.size());
  Gpt<double>::Workspace w;
  Gpt<float>::Workspace v;
  exact.loss(rounded, tokens, targets, 9, w, a);
  exact.backward(rounded, tokens, w, g);
  net.loss(q, tokens, targets, 9, v, b);
  net.backward(q, tokens, v, f);
  double largest = 0;
  for (const double value : g) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5);
  for (std::size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], static_cast<double>(f[i]), 2e-5 * largest);
}

TEST(Gpt, PredictionsDoNotSeeTheFuture) {
  const Gpt<double> net(small(false));
  const auto p = random_parameters(net);
  auto tokens = random_tokens(7, 11, 1);
  const auto targets = random_tokens(7, 11, 2);
  std::vector<double> before(7), after(7);
  Gpt<double>::Workspace w;
  net.loss(p, tokens, targets, 1, w, before);
  tokens[4] = (tokens[4] + 1) % 11;
  net.loss(p, tokens, targets, 1, w, after);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(before[i], after[i]);
  for (std::size_t i = 4; i < 7; ++i) EXPECT_NE(before[i], after[i]);
}

TEST(Gpt, BytesDoNotDependOnTheNumberOfThreads) {
  const Gpt<float> net({.vocabulary = 50, .context = 64, .layers = 2, .heads = 2, .width = 32, .bias = true});
  const auto p = random_parameters(net);
  const auto tokens = random_tokens(704, 50, 1), targets = random_tokens(704, 50, 2);
  std::vector<std::vector<float>> gradients;
  for (const int threads : {1, 2, 5}) {
    const base::ThreadLimit limit(threads);
    std::vector<double> each(tokens.size());
    gradients.emplace_back(p.size());
    Gpt<float>::Workspace w;
    net.loss(p, tokens, targets, 11, w, each);
    net.backward(p, tokens, w, gradients.back());
  }
  EXPECT_EQ(gradients[0], gradients[1]);
  EXPECT_EQ(gradients[0], gradients[2]);
}

TEST(Gpt, HasTheNamesAndShapesOfNanoGpt) {
  const Gpt<float> net({.vocabulary = 65, .context = 8, .layers = 1, .heads = 2, .width = 6, .bias = true});
  std::set<std::string> found;
  for (const Block& block : net.blocks()) {
    std::string text = block.name;
    for (const auto extent : block.shape) text += " " + std::to_string(extent);
    found.insert(text);
  }
  EXPECT_EQ(found, (std::set<std::string>{
                       "transformer.wte.weight 65 6", "transformer.wpe.weight 8 6",
                       "transformer.h.0.ln_1.weight 6", "transformer.h.0.ln_1.bias 6",
                       "transformer.h.0.attn.c_attn.weight 18 6", "transformer.h.0.attn.c_attn.bias 18",
                       "transformer.h.0.attn.c_proj.weight 6 6", "transformer.h.0.attn.c_proj.bias 6",
                       "transformer.h.0.ln_2.weight 6", "transformer.h.0.ln_2.bias 6",
                       "transformer.h.0.mlp.c_fc.weight 24 6", "transformer.h.0.mlp.c_fc.bias 24",
                       "transformer.h.0.mlp.c_proj.weight 6 24", "transformer.h.0.mlp.c_proj.bias 6",
                       "transformer.ln_f.weight 6", "transformer.ln_f.bias 6"}));
}

TEST(Gpt, RefusesWhatDoesNotFit) {
  for (const GptSpec& spec :
       {GptSpec{.layers = 0}, GptSpec{.heads = 0}, GptSpec{.heads = 3}, GptSpec{.context = 0}})
    EXPECT_THROW(Gpt<float>{spec}, base::Error);
  const Gpt<double> net(small(false));
  const auto p = random_parameters(net);
  Gpt<double>::Workspace w;
  std::vector<double> each(8);
  const std::vector<std::int32_t> eight(8, 1), outside = {1, 11}, one = {1, 1};
  EXPECT_THROW(net.loss(p, eight, eight, 1, w, each), base::Error);
  EXPECT_THROW(net.loss(p, outside, one, 1, w, std::span(each).first(2)), base::Error);
  EXPECT_THROW(net.loss(p, one, outside, 1, w, std::span(each).first(2)), base::Error);
}

}  // namespace
}  // namespace starling::nets
