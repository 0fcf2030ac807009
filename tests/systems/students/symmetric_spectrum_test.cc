#include "starling/systems/students/symmetric_spectrum.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <string>
#include <vector>

#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using base::Index;

// The blocks must give, with their multiplicities, the spectrum of the dense Hessian.
void expect_the_dense_spectrum(const Neurons& student, Index k, Index d, const Symmetry& symmetry) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(k, d));
  const Curvature curvature(landscape, student);
  const Eigen::VectorXd dense =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(curvature.matrix(), Eigen::EigenvaluesOnly)
          .eigenvalues();
  std::vector<double> blocks;
  for (const Level& level : symmetric_spectrum(curvature, symmetry))
    blocks.insert(blocks.end(), static_cast<std::size_t>(level.multiplicity), level.value);
  ASSERT_EQ(static_cast<Index>(blocks.size()), dense.size());
  for (Index i = 0; i < dense.size(); ++i)
    EXPECT_NEAR(blocks[static_cast<std::size_t>(i)], dense(i), 1e-11 * dense(dense.size() - 1)) << i;
}

TEST(SymmetricSpectrum, IsThatOfTheDenseHessianAtPerturbedCopies) {
  for (const auto& [n, k] : std::vector<std::pair<Index, Index>>{{2, 3}, {4, 6}, {6, 8}, {7, 8}}) {
    for (const Index idle : {0, 2}) {
      const PerturbedCopy point = perturbed_copy(n, k, k + idle, Activation::erf);
      expect_the_dense_spectrum(point.student, k, k + idle, {.moving = n, .rest = k - n, .idle = idle});
    }
  }
}

TEST(SymmetricSpectrum, IsThatOfTheDenseHessianAtCopyAverages) {
  for (const std::vector<Index>& groups :
       {std::vector<Index>{1, 1, 3}, {1, 1, 1, 1, 2}, {1, 1, 1, 1, 1, 4}}) {
    Index k = 0;
    for (const Index m : groups) k += m;
    const CopyAverage point = copy_average(groups, k + 1, Activation::erf);
    expect_the_dense_spectrum(
        point.student, k, k + 1,
        {.moving = static_cast<Index>(groups.size()) - 1, .rest = groups.back(), .lone = true, .idle = 1});
  }
}

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

TEST(SymmetricSpectrum, IsThatOfTheDenseHessianForFewNeuronsToo) {
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
