#include "starling/nets/expert_mixture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/nets/loss.h"

namespace starling::nets {
namespace {

using base::Index;
using base::Points;

template <class T>
struct Case {
  ExpertMixture<T> network;
  std::vector<T> parameters;
  Points<T> x, out;
  typename ExpertMixture<T>::Workspace workspace;

  Case(const ExpertMixtureSpec& spec, Index rows)
      : network(spec), parameters(static_cast<std::size_t>(network.parameter_count())), x(rows, spec.inputs) {
    base::Stream stream(1, 0, "test");
    network.initialise(stream, parameters);
    for (T& p : parameters) p += static_cast<T>(0.3 * stream.normal());  // gates and biases too
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<T>(stream.normal());
  }
  void forward() { network.forward(parameters, x, workspace, out); }
  double at(Index offset) const { return static_cast<double>(parameters[static_cast<std::size_t>(offset)]); }
  double entry(const std::string& name, Index i) const {
    for (const Block& block : network.blocks()) {
      if (block.name == name) return at(block.offset + i);
    }
    throw std::logic_error(name);
  }
};

double silu(double x) {
  return x / (1 + std::exp(-x));
}

// The definition, one row at a time.
template <class T>
std::vector<double> reference_row(const Case<T>& c, Index row) {
  const ExpertMixtureSpec& s = c.network.spec();
  std::vector<double> h(static_cast<std::size_t>(s.width));
  const auto at = [](auto& v, Index i) -> auto& {
    return v[static_cast<std::size_t>(i)];
  };
  for (Index i = 0; i < s.width; ++i) {
    at(h, i) = c.entry("input.bias", i);
    for (Index j = 0; j < s.inputs; ++j)
      at(h, i) += c.entry("input.weight", i * s.inputs + j) * static_cast<double>(c.x(row, j));
  }
  for (Index l = 0; l < s.blocks; ++l) {
    const std::string block = "blocks." + std::to_string(l) + ".";
    std::vector<double> next = h, gate(static_cast<std::size_t>(s.experts));
    double sum = 0;
    for (Index e = 0; e < s.experts; ++e) {
      double logit = 0;
      for (Index j = 0; j < s.width; ++j) logit += c.entry(block + "gate.weight", e * s.width + j) * at(h, j);
      sum += at(gate, e) = std::exp(logit);
    }
    for (Index e = 0; e < s.experts; ++e) {
      for (Index k = 0; k < s.hidden; ++k) {
        double a = c.entry(block + "up.bias", e * s.hidden + k);
        for (Index j = 0; j < s.width; ++j)
          a += c.entry(block + "up.weight", (e * s.hidden + k) * s.width + j) * at(h, j);
        for (Index i = 0; i < s.width; ++i)
          at(next, i) +=
              at(gate, e) / sum * silu(a) * c.entry(block + "down.weight", (e * s.width + i) * s.hidden + k);
      }
    }
    h = next;
  }
  std::vector<double> out(static_cast<std::size_t>(s.outputs));
  for (Index o = 0; o < s.outputs; ++o) {
    at(out, o) = c.entry("output.bias", o);
    for (Index i = 0; i < s.width; ++i) at(out, o) += c.entry("output.weight", o * s.width + i) * at(h, i);
  }
  return out;
}

const ExpertMixtureSpec small_mixture{
    .inputs = 3, .outputs = 2, .width = 5, .hidden = 4, .experts = 3, .blocks = 2};

TEST(ExpertMixture, ForwardIsTheDefinitionRowByRow) {
  for (const Index rows : {1, 255, 256, 257}) {
    Case<double> c(small_mixture, rows);
    c.forward();
    for (Index i = 0; i < rows; ++i) {
      const auto expected = reference_row(c, i);
      for (Index o = 0; o < small_mixture.outputs; ++o)
        ASSERT_NEAR(c.out(i, o), expected[static_cast<std::size_t>(o)], 1e-13);
    }
  }
}

TEST(ExpertMixture, BackwardMatchesCentralDifferencesForEveryParameter) {
  for (const Activation activation : {Activation::silu, Activation::tanh, Activation::gelu}) {
    ExpertMixtureSpec spec = small_mixture;
    spec.activation = activation;
    Case<double> c(spec, 300);
    c.forward();
    Points<double> d_out(300, spec.outputs);
    for (Index i = 0; i < d_out.size(); ++i) d_out.data()[i] = std::sin(static_cast<double>(i));
    std::vector<double> gradient(c.parameters.size());
    c.network.backward(c.parameters, c.workspace, d_out, gradient);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double before = c.parameters[i], step = 1e-5;
      double value[2];
      for (const int side : {0, 1}) {
        c.parameters[i] = before + (side == 0 ? -step : step);
        c.forward();
        value[side] = (d_out.array() * c.out.array()).sum();
      }
      c.parameters[i] = before;
      ASSERT_NEAR(gradient[i], (value[1] - value[0]) / (2 * step), 1e-7) << "parameter " << i;
    }
  }
}

TEST(ExpertMixture, GivesTheSameBytesForAnyNumberOfThreads) {
  const auto gradient_with = [](int threads) {
    const base::ThreadLimit limit(threads);
    Case<float> c(small_mixture, 1000);
    c.forward();
    std::vector<float> gradient(c.parameters.size());
    c.network.backward(c.parameters, c.workspace, c.out, gradient);
    return gradient;
  };
  EXPECT_EQ(gradient_with(1), gradient_with(2));
}

TEST(ExpertMixture, RefusesWhatDoesNotFit) {
  EXPECT_THROW(ExpertMixture<double>({.experts = 0}), base::Error);
  Case<double> c(small_mixture, 2);
  Points<double> out;
  EXPECT_THROW(c.network.forward(c.parameters, Points<double>(2, 4), c.workspace, out), base::Error);
}

TEST(Loss, GradientsAreThoseOfTheMean) {
  Points<double> out(3, 4), targets = Points<double>::Random(3, 4), gradient, unused;
  for (Index i = 0; i < out.size(); ++i) out.data()[i] = 3 * std::cos(static_cast<double>(i));
  const std::vector<std::int32_t> labels = {2, 0, 3};
  std::vector<double> each(3);
  const auto mean = [&each] { return (each[0] + each[1] + each[2]) / 3; };
  const auto check = [&](auto loss) {
    loss(gradient);
    for (Index i = 0; i < out.size(); ++i) {
      const double before = out.data()[i], step = 1e-5;
      out.data()[i] = before + step;
      loss(unused);
      const double above = mean();
      out.data()[i] = before - step;
      loss(unused);
      EXPECT_NEAR(gradient.data()[i], (above - mean()) / (2 * step), 1e-9);
      out.data()[i] = before;
    }
  };
  check([&](Points<double>& g) { cross_entropy<double>(out, labels, each, g); });
  check([&](Points<double>& g) { half_squared_error<double>(out, targets, each, g); });
  out.setConstant(800);  // no exponential overflows
  cross_entropy<double>(out, labels, each, gradient);
  EXPECT_NEAR(each[0], std::log(4.0), 1e-12);
}

}  // namespace
}  // namespace starling::nets
