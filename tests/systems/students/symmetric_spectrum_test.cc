#include "starling/systems/students/symmetric_spectrum.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <string>
#include <vector>

#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

// A student that is symmetric and nothing else: far from every critical point.
Neurons symmetric_student(const Symmetry& symmetry) {
  const std::vector<Neurons> basis = symmetric_directions(symmetry);
  Neurons out = basis.front();
  for (std::size_t i = 1; i < basis.size(); ++i) {
    const double share = 0.7 + 0.3 * static_cast<double>(i % 3) - 0.2 * static_cast<double>(i);
    out.w += share * basis[i].w;
    out.a += share * basis[i].a;
  }
  return out;
}

TEST(SymmetricSpectrum, IsTheSpectrumOfTheDenseHessian) {
  for (Index moving = 0; moving <= 5; ++moving) {
    for (Index rest = 0; rest <= 3; ++rest) {
      for (const Symmetry s : {Symmetry{moving, rest, true, 0}, Symmetry{moving, rest, true, 2},
                               Symmetry{moving, rest, false, 0}, Symmetry{moving, rest, false, 1}}) {
        if (moving + rest == 0 || moving + (s.lone ? 1 : 0) == 0) continue;
        const Index k = moving + rest;
        const Landscape landscape(Activation::gelu, orthonormal_teacher(k, k + s.idle));
        const Curvature curvature(landscape, symmetric_student(s));
        const Eigen::VectorXd dense =
            Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(curvature.matrix()).eigenvalues();
        std::vector<double> blocks;
        for (const Level& level : symmetric_spectrum(curvature, s))
          blocks.insert(blocks.end(), static_cast<std::size_t>(level.multiplicity), level.value);
        const std::string label = testing::PrintToString(std::vector<Index>{moving, rest, s.lone, s.idle});
        ASSERT_EQ(static_cast<Index>(blocks.size()), dense.size()) << label;
        for (Index i = 0; i < dense.size(); ++i)
          EXPECT_NEAR(blocks[static_cast<std::size_t>(i)], dense[i],
                      1e-12 * (1 + dense.cwiseAbs().maxCoeff()))
              << label;
      }
    }
  }
}

}  // namespace
}  // namespace starling::students
