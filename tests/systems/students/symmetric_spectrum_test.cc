#include "starling/systems/students/symmetric_spectrum.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
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

}  // namespace
}  // namespace starling::students
