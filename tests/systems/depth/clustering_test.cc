#include "starling/systems/depth/clustering.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "starling/base/error.h"
#include "starling/flows/ode.h"

namespace starling::depth {
namespace {

using Numbers = std::vector<double>;

TEST(DepthClustering, OfEquiangularTokensHasTheKnownAngles) {
  struct Known {
    Index n;
    double beta;
    std::array<double, 4> gamma;
  };
  const Numbers times = {1, 2, 4, 8};
  for (const Known& known : {Known{2, 1, {.57919534, .91400676, .99828156, .99999942}},
                             Known{5, 4, {.03860102, .08913350, .26379336, .99104562}},
                             Known{32, 1, {.15184934, .58977282, .98745967, .99999574}}}) {
    Numbers x(static_cast<std::size_t>(known.n * known.n), 0.0);
    for (Index i = 0; i < known.n; ++i) x[static_cast<std::size_t>(i * known.n + i)] = 1;
    const Numbers states = cluster(x, known.n, known.beta, times);
    const double n = static_cast<double>(known.n), b = known.beta;
    const auto gamma = flows::integrate(
        [&](double, std::span<const double> y, std::span<double> rate) {
          const double e = std::exp(b * y[0]);
          rate[0] = 2 * e * (1 - y[0]) * ((n - 1) * y[0] + 1) / (std::exp(b) + (n - 1) * e);
        },
        Numbers{0.0}, times, {.rtol = 1e-12, .atol = 1e-13});
    for (std::size_t t = 0; t < 4; ++t) {
      const double* at = states.data() + static_cast<Index>(t) * known.n * known.n;
      double product = 0;
      for (Index a = 0; a < known.n; ++a) product += at[a] * at[known.n + a];
      EXPECT_NEAR(product, known.gamma[t], 5e-9) << known.n << " " << t;
      EXPECT_NEAR(product, gamma[t][0], 1e-10);
    }
  }
}

TEST(DepthClustering, OnACircleRaisesItsEnergyToTheKnownClusters) {
  Numbers x;
  for (int j = 0; j < 32; ++j) {
    const double turn = .61803398875 * j, angle = 2 * std::numbers::pi * .9 * (turn - std::floor(turn));
    x.insert(x.end(), {std::cos(angle), std::sin(angle)});
  }
  const Numbers times = {0, .5, 1, 2, 4, 6, 8, 10, 100};
  for (const double beta : {1.0, 9.0}) {
    const Numbers states = cluster(x, 2, beta, times);
    const auto at = [&](std::size_t t) { return std::span(states).subspan(64 * t, 64); };
    double before = 0;
    for (std::size_t t = 0; t < times.size(); ++t) {
      const double energy = cluster_energy(at(t), 2, beta);
      EXPECT_GT(energy, before - 1e-9) << times[t];
      before = energy;
    }
    const auto energy = [&](std::size_t t) { return cluster_energy(at(t), 2, beta); };
    if (beta == 1) {
      EXPECT_NEAR(energy(0), .639372915, 5e-10);
      EXPECT_NEAR(energy(3), .676386463, 5e-10);
      EXPECT_NEAR(energy(7), 1.359101230, 5e-10);
      EXPECT_EQ(count_clusters(at(7), 2), 1);
    } else {
      EXPECT_NEAR(energy(0), 64.435342662, 5e-9);
      EXPECT_NEAR(energy(3), 79.128899827, 5e-9);
      EXPECT_NEAR(energy(7), 159.144705418, 5e-9);
      EXPECT_NEAR(energy(8), 159.145825282, 5e-9);
      EXPECT_EQ(count_clusters(at(3), 2), 31);
      EXPECT_EQ(count_clusters(at(7), 2), 3);
      EXPECT_EQ(count_clusters(at(8), 2), 3);
    }
  }
}

TEST(DepthClustering, NamesWhatDoesNotFit) {
  EXPECT_THROW(cluster(Numbers{0, 0, 1, 0}, 2, 1, Numbers{1.0}), base::Error);
  EXPECT_THROW(cluster(Numbers{1, 0}, 2, NAN, Numbers{1.0}), base::Error);
  EXPECT_THROW(cluster(Numbers{1, 0}, 2, 1, Numbers{2, 1}), base::Error);
}

}  // namespace
}  // namespace starling::depth
