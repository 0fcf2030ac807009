// Every instruction set that this machine has, one after another.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nets/formula_net.h"
#include "simd/each_target.h"
#include "starling/nets/jets.h"

namespace starling::nets {
namespace {

template <class T>
std::vector<T> gradient_of(JetActivation activation) {
  const JetNetwork network{{2, 11, 7, 2}, activation};
  Streams streams(2);
  streams.derivative({2, 2});
  streams.biharmonic(2);
  const Jets<T> jets(network, streams);
  const auto exact = testing::formula_parameters(network);
  const std::vector<T> parameters(exact.begin(), exact.end());
  std::vector<T> points, gradient(parameters.size());
  for (int i = 0; i < 2 * 173; ++i) points.push_back(static_cast<T>(std::sin(1.7 * i)));
  typename Jets<T>::Workspace workspace;
  const auto visit = [&](const JetTile<T>& tile) {
    for (int s = 0; s < streams.count(); ++s) {
      for (std::ptrdiff_t o = 0; o < 2; ++o) {
        for (std::ptrdiff_t i = 0; i < tile.count; ++i) tile.seed(s, o)[i] = tile.stream(s, o)[i] / T(1 + s);
      }
    }
  };
  jets.add_gradient(parameters, points.data(), 173, workspace, visit, gradient);
  return gradient;
}

template <class T>
void expect_near(const std::vector<T>& values, const std::vector<double>& exact, double relative) {
  double largest = 0;
  for (const double x : exact) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < exact.size(); ++i)
    EXPECT_NEAR(static_cast<double>(values[i]), exact[i], relative * largest) << i;
}

TEST(Jets, EveryInstructionSetGivesTheSameGradient) {
  const std::vector<JetActivation> kinds{JetActivation::tanh, JetActivation::sin,  JetActivation::softplus,
                                         JetActivation::gelu, JetActivation::silu, JetActivation::erf};
  for (const JetActivation kind : kinds) {
    const auto exact = gradient_of<double>(kind);
    simd::testing::on_each_target([&] {
      expect_near(gradient_of<double>(kind), exact, 1e-13);
      expect_near(gradient_of<float>(kind), exact, 1e-4);
    });
  }
}

}  // namespace
}  // namespace starling::nets
