#include "starling/optim/particle_adamw.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "starling/base/error.h"

namespace starling::optim {
namespace {

using Numbers = std::vector<double>;

// θ after each of ten steps at rate .05 along (θ0 + c θ1, 4 θ1 + c θ0, .01 θ2, .3 θ3), c = cos(θ0 θ1).
std::vector<Numbers> descent(const ParticleAdamWSpec& spec, Numbers theta) {
  const ParticleLayout layout{.particles = 1, .blocks = 1, .block_size = std::ssize(theta)};
  ParticleAdamWState<double> state(layout, spec.second);
  std::vector<Numbers> out;
  for (int t = 0; t < 10; ++t) {
    const double c = std::cos(theta[0] * theta[1]);
    Numbers g = {theta[0] + c * theta[1], 4 * theta[1] + c * theta[0], .01 * theta[2]};
    if (theta.size() > 3) g.push_back(.3 * theta[3]);
    particle_adamw_step(spec, .05, layout, theta.data(), g.data(), state);
    out.push_back(theta);
  }
  return out;
}

void expect_near(const Numbers& theta, std::initializer_list<double> known) {
  for (std::size_t i = 0; i < known.size(); ++i) EXPECT_NEAR(theta[i], known.begin()[i], 1e-14) << i;
}

TEST(ParticleAdamW, HasTheKnownTrajectories) {
  const auto sharp = descent({.epsilon = 1e-8, .decay = .1}, {1, -.5, .25});
  expect_near(sharp[0], {.945000000890934, -.447500000445467, .198750199999200});
  expect_near(sharp[9], {.465111142358837, -.063515702284157, -.104763495829713});
  const auto soft = descent({.epsilon = 1e-2, .decay = .1}, {1, -.5, .25});
  expect_near(soft[0], {.945875336778520, -.447941533292559, .238750000000000});
  expect_near(soft[9], {.474148917284791, -.067434218744805, .149209495218213});
  expect_near(descent({.epsilon = 1e-8, .decay = .1, .bias_correction = false}, {1, -.5, .25})[0],
              {.972639322006870, -.475139321115936, .226389720217847});
}

TEST(ParticleAdamW, HasTheKnownTrajectoriesOfBlocks) {
  ParticleAdamWSpec spec{.epsilon = 1e-2, .decay = .1, .second = SecondMomentScope::block_sum};
  expect_near(descent(spec, {1, -.5, .25, 2})[9],
              {.70917741514554, -.17071102267013, .23672273714215, 1.65702627903321});
  spec.second = SecondMomentScope::block_mean;
  expect_near(descent(spec, {1, -.5, .25, 2})[9],
              {.42896070736953, -.05819849210176, .23549618631032, 1.39094537602777});
}

double wave(std::size_t i) {
  return std::sin(1.7 * static_cast<double>(i) + .4);
}

// The rule by its formula, one particle after another.
template <class T>
void plain_step(const ParticleAdamWSpec& spec, double rate, const ParticleLayout& layout,
                std::vector<double>& theta, const std::vector<T>& gradient, std::vector<double>& first,
                std::vector<double>& second, int t) {
  const std::ptrdiff_t particle = layout.blocks * layout.block_size;
  const auto group_of = [&](std::ptrdiff_t i) {  // of entry i, and how many share its second moment
    if (spec.second == SecondMomentScope::element) return i;
    return spec.second == SecondMomentScope::head_sum ? i / particle : i / layout.block_size;
  };
  std::vector<double> squares(second.size(), 0.0);
  const double share =
      spec.second == SecondMomentScope::block_mean ? 1 / static_cast<double>(layout.block_size) : 1;
  for (std::ptrdiff_t i = 0; i < layout.particles * particle; ++i) {
    for (std::ptrdiff_t lane = 0; lane < layout.lanes; ++lane) {
      const double g = spec.gradient_scale * gradient[static_cast<std::size_t>(i * layout.lanes + lane)];
      squares[static_cast<std::size_t>(group_of(i) * layout.lanes + lane)] += share * g * g;
    }
  }
  for (std::size_t s = 0; s < second.size(); ++s)
    second[s] = spec.beta2 * second[s] + (1 - spec.beta2) * squares[s];
  for (std::ptrdiff_t i = 0; i < layout.size(); ++i) {
    const auto e = static_cast<std::size_t>(i);
    first[e] = spec.beta1 * first[e] + (1 - spec.beta1) * spec.gradient_scale * gradient[e];
    const double v =
        second[static_cast<std::size_t>(group_of(i / layout.lanes) * layout.lanes + i % layout.lanes)];
    theta[e] -=
        rate * spec.decay * theta[e] + rate * first[e] / (1 - std::pow(spec.beta1, t)) /
                                           (std::sqrt(v / (1 - std::pow(spec.beta2, t))) + spec.epsilon);
  }
}

template <class T>
class ParticleAdamWOf : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ParticleAdamWOf, Reals);

TYPED_TEST(ParticleAdamWOf, IsTheFormulaForAnyLayout) {
  using T = TypeParam;
  for (const std::ptrdiff_t lanes : {1, 3, 8, 16, 19}) {
    for (const SecondMomentScope kind : {SecondMomentScope::element, SecondMomentScope::block_sum,
                                         SecondMomentScope::block_mean, SecondMomentScope::head_sum}) {
      const ParticleAdamWSpec spec{.decay = .1, .second = kind, .gradient_scale = .5};
      const ParticleLayout layout{.particles = 3, .blocks = 4, .block_size = 5, .lanes = lanes};
      const auto size = static_cast<std::size_t>(layout.size());
      std::vector<double> theta(size), first(size, 0.0),
          second(static_cast<std::size_t>(layout.second_size(kind)), 0.0);
      std::vector<T> fast(size), gradient(size);
      for (std::size_t i = 0; i < size; ++i) fast[i] = static_cast<T>(wave(i)), theta[i] = fast[i];
      ParticleAdamWState<T> state(layout, kind);
      for (int t = 1; t <= 5; ++t) {
        for (std::size_t i = 0; i < size; ++i)
          gradient[i] = static_cast<T>(wave(3 * i + static_cast<std::size_t>(t)));
        plain_step(spec, .05, layout, theta, gradient, first, second, t);
        particle_adamw_step(spec, .05, layout, fast.data(), gradient.data(), state);
      }
      for (std::size_t i = 0; i < size; ++i)
        ASSERT_NEAR(fast[i], theta[i], sizeof(T) == 8 ? 1e-14 : 1e-6)
            << name_of(kind) << " " << lanes << " " << i;
    }
  }
}

TEST(ParticleAdamW, TakesSmallerGradientsWithASmallerEpsilonToTheBit) {
  // Powers of two scale without rounding.
  for (const SecondMomentScope kind :
       {SecondMomentScope::element, SecondMomentScope::block_sum, SecondMomentScope::head_sum}) {
    const ParticleLayout layout{.particles = 2, .blocks = 4, .block_size = 3};
    std::vector<double> mean(24), raw, gradient(24);
    for (std::size_t i = 0; i < 24; ++i) mean[i] = wave(i);
    raw = mean;
    ParticleAdamWState<double> mean_state(layout, kind), raw_state(layout, kind);
    for (std::size_t t = 0; t < 10; ++t) {
      for (std::size_t i = 0; i < 24; ++i) gradient[i] = wave(i + 7 * t);
      particle_adamw_step({.epsilon = 1e-3, .second = kind}, .02, layout, mean.data(), gradient.data(),
                          mean_state);
      particle_adamw_step({.epsilon = 1e-3 / 64, .second = kind, .gradient_scale = 1.0 / 64}, .02, layout,
                          raw.data(), gradient.data(), raw_state);
    }
    EXPECT_EQ(mean, raw);
  }
}

TEST(ParticleAdamW, NamesWhatDoesNotFit) {
  const auto message = [](const ParticleAdamWSpec& spec) -> std::string {
    try {
      validate(spec);
    } catch (const base::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.beta1 = 1}), "AdamW: beta1 = 1; expected 0 <= beta1 < 1");
  EXPECT_EQ(message({.epsilon = 0}), "AdamW: epsilon = 0; expected a positive number");
  EXPECT_EQ(message({.decay = -1}), "AdamW: weight_decay = -1; expected 0 or more");
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(second_moment("head_sum"), SecondMomentScope::head_sum);
  EXPECT_THROW(second_moment("blok_sum"), base::Error);
}

}  // namespace
}  // namespace starling::optim
