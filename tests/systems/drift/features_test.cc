#include "starling/systems/drift/features.h"

#include <gtest/gtest.h>

#include <string>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

// A cloud on a line in d dimensions, wide along (1, 2, 3, ...), with a little noise around it.
Points<float> line(Index n, Index d) {
  base::Stream stream(3, 0, "test line");
  Points<float> out(n, d);
  for (Index i = 0; i < n; ++i) {
    const auto along = static_cast<float>(stream.normal());
    for (Index k = 0; k < d; ++k)
      out(i, k) = 5 + along * static_cast<float>(k + 1) + 0.1F * static_cast<float>(stream.normal());
  }
  return out;
}

constexpr FeatureKind every_kind[] = {FeatureKind::none, FeatureKind::random, FeatureKind::pca,
                                      FeatureKind::autoencoder};

FeatureSpec small(FeatureKind kind, double keep = 0.5) {
  return {.kind = kind, .dimension = 3, .keep = keep, .width = 16, .steps = 60};
}

// Single precision: central differences of step 1e-2 on features of order 1 carry rounding near 1e-5 / 1e-2.
TEST(FeatureMap, PullsBackTheGradientThatCentralDifferencesGive) {
  const Points<float> data = line(200, 4);
  for (const FeatureKind kind : every_kind) {
    for (const double keep : {0.0, 0.5}) {
      const FeatureMap map(small(kind, keep), data, 1);
      Points<float> x = data.topRows(5), g(5, map.dimension());
      base::Stream stream(9, 0, "test gradient");
      stream.fill_normal(std::span<float>(g.data(), static_cast<std::size_t>(g.size())));
      const Points<float> gradient = map.pull_back(x, g);
      for (Index i = 0; i < x.rows(); ++i) {
        for (Index k = 0; k < x.cols(); ++k) {
          constexpr float h = 1e-2F;
          Points<float> above = x, below = x;
          above(i, k) += h;
          below(i, k) -= h;
          const double difference = (map.map(above).cast<double>() - map.map(below).cast<double>())
                                        .cwiseProduct(g.cast<double>())
                                        .sum() /
                                    (2 * h);
          ASSERT_NEAR(gradient(i, k), difference, 5e-3 * (1 + std::abs(difference)))
              << "kind " << static_cast<int>(kind) << ", keep " << keep << ", row " << i << ", column " << k;
        }
      }
    }
  }
}

TEST(FeatureMap, GivesUncorrelatedComponentsOfUnitVarianceForPca) {
  const Points<float> data = line(500, 4);
  const Eigen::MatrixXd phi = FeatureMap(small(FeatureKind::pca, 0), data, 1).map(data).cast<double>();
  ASSERT_EQ(phi.cols(), 3);
  EXPECT_LT(phi.colwise().mean().cwiseAbs().maxCoeff(), 1e-4);
  const Eigen::MatrixXd covariance = phi.transpose() * phi / static_cast<double>(data.rows() - 1);
  EXPECT_LT((covariance - Eigen::MatrixXd::Identity(3, 3)).cwiseAbs().maxCoeff(), 1e-3);
}

TEST(FeatureMap, TrainsAnAutoencoderThatKeepsWhatMatters) {
  const Points<float> data = line(500, 4) / 5.0F;
  FeatureSpec spec{.kind = FeatureKind::autoencoder, .dimension = 1, .keep = 0, .width = 32, .steps = 400};
  const double mean_square =
      (data.rowwise() - data.colwise().mean()).squaredNorm() / static_cast<double>(data.size());
  EXPECT_LT(FeatureMap(spec, data, 1).reconstruction_error(), 0.05 * mean_square);
}

TEST(FeatureMap, IsAFunctionOfItsSeed) {
  const Points<float> data = line(100, 4);
  for (const FeatureKind kind : every_kind) {
    const FeatureMap one(small(kind), data, 7), same(small(kind), data, 7);
    EXPECT_EQ(one.map(data), same.map(data)) << static_cast<int>(kind);
  }
  EXPECT_NE(FeatureMap(small(FeatureKind::random), data, 7).map(data),
            FeatureMap(small(FeatureKind::random), data, 8).map(data));
}

TEST(FeatureMap, RefusesMoreComponentsThanThereAre) {
  FeatureSpec spec = small(FeatureKind::pca);
  spec.dimension = 5;
  try {
    const FeatureMap map(spec, line(50, 4), 1);
    FAIL() << "accepted 5 components of 4 dimensions";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("expected at most 4"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace starling::drift
