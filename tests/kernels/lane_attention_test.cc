#include "starling/kernels/lane_attention.h"

#include <gtest/gtest.h>

#include <boost/align/aligned_allocator.hpp>

#include "kernels/attention_reference.h"

namespace starling::kernels {
namespace {

using testing::attention_derivative;
using testing::attention_sum;

template <class T>
using Vectors = std::vector<T, boost::alignment::aligned_allocator<T, 64>>;

double wave(double phase, std::ptrdiff_t i) {
  return std::sin(phase + 1.7 * static_cast<double>(i) + .3 * std::cos(2.9 * static_cast<double>(i)));
}

// A sequence and a network for every lane.
template <class T>
struct Lanes {
  AttentionShape shape;
  LaneWeights kind;
  std::ptrdiff_t lanes = attention_lanes<T>();
  AttentionWorkspace<T> workspace{shape};

  std::vector<double> numbers(std::ptrdiff_t count, double phase) const {
    std::vector<double> out;
    for (std::ptrdiff_t i = 0; i < count; ++i)
      out.push_back(static_cast<double>(static_cast<T>(wave(phase, i))));
    return out;
  }
  std::vector<double> tokens(double phase, std::ptrdiff_t lane) const {
    return numbers(shape.entries(), phase + .37 * static_cast<double>(lane));
  }
  std::vector<double> weights(std::ptrdiff_t lane) const {
    return numbers(shape.heads * shape.head(),
                   kind == LaneWeights::own ? .2 + .41 * static_cast<double>(lane) : .2);
  }
  Vectors<T> packed_tokens(double phase) const {
    Vectors<T> out(static_cast<std::size_t>(shape.entries() * lanes));
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) {
      const auto one = tokens(phase, lane);
      for (std::size_t e = 0; e < one.size(); ++e)
        out[e * static_cast<std::size_t>(lanes) + static_cast<std::size_t>(lane)] = static_cast<T>(one[e]);
    }
    return out;
  }
  Vectors<T> packed_weights() const {
    Vectors<T> out;
    const auto first = weights(0);
    for (std::size_t e = 0; e < first.size(); ++e) {
      for (std::ptrdiff_t lane = 0; lane < (kind == LaneWeights::own ? lanes : 1); ++lane)
        out.push_back(static_cast<T>(weights(lane)[e]));
    }
    return out;
  }
  T lane_of(const Vectors<T>& vectors, std::size_t entry, std::ptrdiff_t lane) const {
    return vectors[entry * static_cast<std::size_t>(lanes) + static_cast<std::size_t>(lane)];
  }
};

template <class T>
class LaneAttention : public ::testing::Test {
 protected:
  static constexpr double tolerance = sizeof(T) == 8 ? 4e-14 : 2e-5;

  template <class Check>
  void for_every_shape(Check check) {
    for (const bool causal : {false, true}) {
      for (const LaneWeights kind : {LaneWeights::shared, LaneWeights::own}) {
        for (const auto& [n, d, r, h] : {std::array<std::ptrdiff_t, 4>{1, 1, 1, 1},
                                         {4, 3, 2, 2},
                                         {7, 5, 3, 1},
                                         {8, 4, 2, 3},
                                         {5, 6, 7, 1},
                                         {9, 16, 4, 2}}) {
          SCOPED_TRACE(::testing::Message()
                       << n << " tokens, width " << d << ", head width " << r << ", heads " << h
                       << (causal ? ", causal" : "") << (kind == LaneWeights::own ? ", own" : ""));
          check(Lanes<T>{AttentionShape{n, d, r, h, causal}, kind});
        }
      }
    }
  }
};

using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LaneAttention, Numbers);

TYPED_TEST(LaneAttention, IsTheFormulaInEveryLane) {
  using T = TypeParam;
  this->for_every_shape([&](const Lanes<T>& lanes) {
    const auto x = lanes.packed_tokens(.5), weights = lanes.packed_weights();
    auto out = lanes.packed_tokens(1.5);
    add_attention(lanes.shape, lanes.kind, T(.25), weights.data(), x.data(), out.data(), lanes.workspace);
    for (std::ptrdiff_t lane = 0; lane < lanes.lanes; ++lane) {
      const auto sum = attention_sum(lanes.shape, lanes.weights(lane), lanes.tokens(.5, lane));
      const auto before = lanes.tokens(1.5, lane);
      for (std::size_t e = 0; e < sum.size(); ++e)
        ASSERT_NEAR(lanes.lane_of(out, e, lane), before[e] + .25 * sum[e], this->tolerance) << e;
    }
  });
}

TYPED_TEST(LaneAttention, HasTheTangentOfTheFormula) {
  using T = TypeParam;
  this->for_every_shape([&](const Lanes<T>& lanes) {
    const auto x = lanes.packed_tokens(.5), dx = lanes.packed_tokens(2.5), weights = lanes.packed_weights();
    Vectors<T> out(x.size(), T(0));
    add_attention_tangent(lanes.shape, lanes.kind, T(.25), weights.data(), x.data(), dx.data(), out.data(),
                          lanes.workspace);
    for (std::ptrdiff_t lane = 0; lane < lanes.lanes; ++lane) {
      const auto w = lanes.weights(lane);
      const auto slope = attention_derivative(lanes.shape, w, lanes.tokens(.5, lane),
                                              std::vector<double>(w.size(), 0.0), lanes.tokens(2.5, lane));
      for (std::size_t e = 0; e < slope.size(); ++e)
        ASSERT_NEAR(lanes.lane_of(out, e, lane), .25 * slope[e], 10 * this->tolerance) << e;
    }
  });
}

TYPED_TEST(LaneAttention, HasTheAdjointOfTheFormula) {
  using T = TypeParam;
  this->for_every_shape([&](const Lanes<T>& lanes) {
    const auto x = lanes.packed_tokens(.5), p = lanes.packed_tokens(2.5), weights = lanes.packed_weights();
    Vectors<T> out(x.size(), T(0)), gradient(weights.size(), T(1));
    add_attention_adjoint(lanes.shape, lanes.kind, T(.25), weights.data(), x.data(), p.data(), out.data(),
                          gradient.data(), lanes.workspace);
    std::vector<double> sums(gradient.size(), 1.0);  // of the gradient, which is added to
    for (std::ptrdiff_t lane = 0; lane < lanes.lanes; ++lane) {
      const auto w = lanes.weights(lane), y = lanes.tokens(.5, lane), q = lanes.tokens(2.5, lane);
      const auto along = [&](bool of_tokens, std::size_t e) {
        std::vector<double> dw(w.size(), 0.0), dy(y.size(), 0.0);
        (of_tokens ? dy : dw)[e] = 1;
        const auto slope = attention_derivative(lanes.shape, w, y, dw, dy);
        double sum = 0;
        for (std::size_t i = 0; i < slope.size(); ++i) sum += q[i] * slope[i];
        return sum;
      };
      for (std::size_t e = 0; e < y.size(); ++e)
        ASSERT_NEAR(lanes.lane_of(out, e, lane), .25 * along(true, e), 20 * this->tolerance) << e;
      for (std::size_t e = 0; e < w.size(); ++e) {
        if (lanes.kind == LaneWeights::own) {
          ASSERT_NEAR(lanes.lane_of(gradient, e, lane), 1 + along(false, e), 20 * this->tolerance) << e;
        } else {
          sums[e] += along(false, e);
        }
      }
    }
    for (std::size_t e = 0; lanes.kind == LaneWeights::shared && e < sums.size(); ++e)
      ASSERT_NEAR(gradient[e], sums[e], 100 * this->tolerance) << e;
  });
}

TYPED_TEST(LaneAttention, SurvivesScoresThatOverflowAnExponential) {
  using T = TypeParam;
  const AttentionShape shape{3, 2, 1, 1, false};
  const Lanes<T> lanes{shape, LaneWeights::shared};
  const std::vector<T> weights = {T(300), T(0), T(300), T(0), T(1), T(0), T(1), T(1)};
  auto x = lanes.packed_tokens(.5);
  Vectors<T> out(x.size(), T(0)), p(x.size(), T(1)), gradient(weights.size(), T(0));
  add_attention(shape, LaneWeights::shared, T(1), weights.data(), x.data(), out.data(), lanes.workspace);
  for (const T value : out) ASSERT_TRUE(std::isfinite(value));
  add_attention_adjoint(shape, LaneWeights::shared, T(1), weights.data(), x.data(), p.data(), out.data(),
                        gradient.data(), lanes.workspace);
  for (const T value : out) ASSERT_TRUE(std::isfinite(value));
  for (const T value : gradient) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace starling::kernels
