#include "starling/systems/muon/kinetic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "starling/base/random.h"
#include "systems/muon/problem.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Vector;

Cloud normal(Index rows, Index columns, std::uint64_t seed) {
  Cloud out(rows, columns);
  base::Stream stream(seed, 0, "test");
  for (double& value : out.reshaped()) value = stream.normal();
  return out;
}

TEST(Kinetic, ClosedFormsAreTheDecompositions) {
  for (const Block block : {Block{1, 1}, {1, 5}, {4, 1}, {2, 2}, {2, 7}, {6, 2}, {3, 3}}) {
    for (const double scale : {1e-8, 1e-3, 1.0, 1e3}) {
      for (const double epsilon : {.05, 2.0}) {
        const Kinetic kinetic({block}, {epsilon});
        Cloud p = scale * normal(9, block.size(), 1);
        p.row(2).setZero();
        if (block.rows > 1 && block.columns > 1) {  // of rank one, nearly and exactly
          p.row(3) = (Vector<double>::Ones(block.rows) * p.row(3).head(block.columns))
                         .reshaped<Eigen::RowMajor>()
                         .transpose();
          p.row(4) = p.row(3);
          p(4, 0) *= 1 + 1e-9;
        }
        Cloud v;
        kinetic.velocity(p, equal_weights(9), v);
        const Vector<double> psi = kinetic.energies(p);
        const math::SpectralMap map(epsilon);
        for (Index i = 0; i < 9; ++i) {
          const Eigen::MatrixXd m = p.row(i).reshaped<Eigen::RowMajor>(block.rows, block.columns);
          const Eigen::MatrixXd found = v.row(i).reshaped<Eigen::RowMajor>(block.rows, block.columns);
          const double ill = scale / epsilon;
          EXPECT_LT((found - map(m)).norm(), 4e-15 * (1 + ill * std::min(ill, 1e4)))
              << block.rows << "x" << block.columns;
          EXPECT_NEAR(psi[i], map.potential(m),
                      1e-14 * (map.potential(m) + scale * (1 + std::min(ill, 1e4))));
        }
      }
    }
  }
}

TEST(Kinetic, VelocityIsTheGradientOfTheEnergyForBlocksSmoothingsAndReadings) {
  Vector<double> weights(3);
  weights << .2, .5, .3;
  const Kinetic all[] = {Kinetic({{2, 3}, {3, 3}, {4, 1}}, {.1, .3, 1}),
                         Kinetic({{3, 2}}, {.4}, Reading::particles, math::Smoothing::tanh),
                         Kinetic({{1, 4}}, {.2}, Reading::stacked)};
  for (const Kinetic& kinetic : all) {
    Index size = 0;
    for (const Block& block : kinetic.blocks()) size += block.size();
    const Cloud p = normal(3, size, 2);
    Cloud v;
    kinetic.velocity(p, weights, v);
    constexpr double h = 1e-5;
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < size; ++j) {
        Cloud up = p, down = p;
        up(i, j) += h;
        down(i, j) -= h;
        EXPECT_NEAR(weights[i] * v(i, j),
                    (kinetic.energy(up, weights) - kinetic.energy(down, weights)) / (2 * h), 1e-9);
      }
    }
  }
}

TEST(Kinetic, StackedIsTheMapOfTheStackedMatrix) {
  const Index n = 6;
  const Cloud p = normal(n, 2, 3);
  Cloud v;
  Kinetic({{1, 2}}, {.1}, Reading::stacked).velocity(p, equal_weights(n), v);
  const double root = std::sqrt(6.0);
  EXPECT_LT((v - root * Cloud(math::SpectralMap(.1 * root)(p))).cwiseAbs().maxCoeff(), 1e-14);
}

}  // namespace
}  // namespace starling::muon
