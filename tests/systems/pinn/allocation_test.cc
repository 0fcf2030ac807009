// A step allocates nothing.
#include <gtest/gtest.h>

#include "counted_allocations.h"
#include "starling/base/parallel.h"
#include "systems/pinn/poisson.h"

#ifdef STARLING_COUNTS_ALLOCATIONS

namespace starling::pinn {
namespace {

TEST(Training, AllocatesNothingInAStepOfOneThread) {
  const base::ThreadLimit limit(1);
  using Method = optim::QuasiNewtonMethod;
  testing::Known known = testing::poisson_2d(testing::Boundary::hard);
  for (const Method method : {Method::lbfgs, Method::bfgs, Method::ssbroyden2}) {
    auto x = testing::split_mix_parameters(known.network, 1);
    optim::QuasiNewton optimiser({.method = method}, static_cast<base::Index>(x.size()));
    const optim::SmoothFunction function = [&](std::span<const double> at, std::span<double> gradient) {
      return known.loss.gradient(at, gradient);
    };
    optimiser.start(function, x);
    optimiser.step(function, x);
    const long before = counted::allocations;
    for (int i = 0; i < 5; ++i) optimiser.step(function, x);
    EXPECT_EQ(counted::allocations - before, 0) << static_cast<int>(method);
  }
}

}  // namespace
}  // namespace starling::pinn

#endif
