#include "starling/systems/students/symmetric_spectrum.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <string>
#include <vector>

#include "starling/systems/students/large_spectrum.h"
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
        const std::string label = ::testing::PrintToString(std::vector<Index>{moving, rest, s.lone, s.idle});
        ASSERT_EQ(static_cast<Index>(blocks.size()), dense.size()) << label;
        for (Index i = 0; i < dense.size(); ++i)
          EXPECT_NEAR(blocks[static_cast<std::size_t>(i)], dense[i],
                      1e-12 * (1 + dense.cwiseAbs().maxCoeff()))
              << label;
      }
    }
  }
}

// Few numbers, many neurons: the levels of the Hessian written out, and their multiplicities.
TEST(LargeSpectrum, IsTheSymmetricSpectrum) {
  for (const Activation activation : {Activation::erf, Activation::gelu}) {
    for (const Index moving : {1, 2, 3, 4, 6, 7, 8, 9, 12}) {
      for (const Index rest : {0, 1, 2, 3, 5}) {
        for (const Symmetry s : {Symmetry{moving, rest, false, 0}, Symmetry{moving, rest, true, 2}}) {
          const SymmetricPoint point{.activation = activation,
                                     .symmetry = s,
                                     .own = 0.8,
                                     .other = -0.05,
                                     .rest = 0.15,
                                     .outgoing = 1.3,
                                     .lone_moving = 0.04,
                                     .lone_rest = 0.4,
                                     .lone_outgoing = 1.7};
          const Index n = moving + (s.lone ? 1 : 0), k = moving + rest;
          Neurons student{.w = base::Points<double>::Zero(n, k + s.idle),
                          .a = base::Vector<double>::Constant(n, 1.3)};
          student.w.topLeftCorner(moving, moving).setConstant(-0.05);
          student.w.topLeftCorner(moving, moving).diagonal().setConstant(0.8);
          student.w.block(0, moving, moving, rest).setConstant(0.15);
          if (s.lone) {
            student.w.row(moving).head(moving).setConstant(0.04);
            student.w.row(moving).segment(moving, rest).setConstant(0.4);
            student.a[moving] = 1.7;
          }
          const Landscape landscape(activation, orthonormal_teacher(k, k + s.idle));
          const std::vector<Level> expected = symmetric_spectrum(Curvature(landscape, student), s);
          const std::vector<Level> found = large_spectrum(point);
          SCOPED_TRACE(::testing::PrintToString(std::vector<Index>{moving, rest, s.lone, s.idle}));
          ASSERT_EQ(found.size(), expected.size());
          const double scale = expected.back().value;
          for (std::size_t i = 0; i < found.size(); ++i)
            EXPECT_NEAR(found[i].value, expected[i].value, 1e-11 * scale);
          EXPECT_EQ(negative_count(found), negative_count(expected));
        }
      }
    }
  }
}

}  // namespace
}  // namespace starling::students
