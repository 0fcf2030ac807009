// Poisson problems to the digits that an independent program reached; the last digits depend on the order of
// summation, so the bars leave a factor of three.
#include <gtest/gtest.h>

#include "systems/pinn/poisson.h"

namespace starling::pinn {
namespace {

using namespace testing;
using Method = optim::QuasiNewtonMethod;

TEST(Optimisers, InitialWeightsAreThoseOfSplitMix) {
  const nets::JetNetwork network{{4, 4, 4, 4}};
  const auto parameters = split_mix_parameters(network, 7);
  EXPECT_NEAR(parameters[0], -0.1908204732689646, 2e-16);
  EXPECT_NEAR(parameters[static_cast<std::size_t>(network.weight(1))], 0.6575102115404681, 2e-16);
}

TEST(Optimisers, SelfScaledMethodsSolvePoissonOnALineToNineDigits) {
  Known known = poisson_1d();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    EXPECT_LT(minimise(known, Method::ssbroyden2, seed, 3000).error, 5e-9) << seed;
    EXPECT_LT(minimise(known, Method::ssbfgs_ab, seed, 3000).error, 5e-9) << seed;
    EXPECT_LT(minimise(known, Method::bfgs, seed, 3000).error, 1e-5) << seed;
    EXPECT_LT(minimise(known, Method::lbfgs, seed, 3000).error, 1e-4) << seed;
  }
}

TEST(Optimisers, SelfScaledBroydenSolvesPoissonOnASquare) {
  Known soft = poisson_2d(Boundary::soft), hard = poisson_2d(Boundary::hard);
  for (const std::uint64_t seed : {1U, 2U}) {
    EXPECT_LT(minimise(soft, Method::ssbroyden2, seed, 3000).error, 2e-7) << seed;
    EXPECT_LT(minimise(hard, Method::ssbroyden2, seed, 3000).error, 1e-8) << seed;
  }
}

TEST(Optimisers, GuardedGaussNewtonEndsNowhereAbove1e4) {
  Known line = poisson_1d(), square = poisson_2d(Boundary::soft);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U})
    EXPECT_LT(least_squares(line, {.gauss_newton = true}, seed, 150).error, 1e-4) << seed;
  for (const std::uint64_t seed : {1U, 2U, 3U})
    EXPECT_LT(least_squares(square, {.gauss_newton = true}, seed, 100).error, 1e-4) << seed;
}

TEST(Optimisers, DampedLeastSquaresSolvePoissonByEitherSolver) {
  Known line = poisson_1d(), square = poisson_2d(Boundary::soft);
  for (const auto solver : {optim::DampedSolver::cholesky, optim::DampedSolver::qr}) {
    for (const std::uint64_t seed : {1U, 2U, 3U})
      EXPECT_LT(least_squares(line, {.solver = solver}, seed, 300).error, 1.5e-5) << seed;
    EXPECT_LT(least_squares(square, {.solver = solver}, 1, 150).error, 1e-4);
  }
}

}  // namespace
}  // namespace starling::pinn
