// A step allocates nothing: every operator new of this program is counted. Sanitizers bring their own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "starling/base/parallel.h"
#include "systems/pinn/poisson.h"

#if !defined(__SANITIZE_ADDRESS__)

namespace {
std::atomic<long> allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

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
    const long before = allocations;
    for (int i = 0; i < 5; ++i) optimiser.step(function, x);
    EXPECT_EQ(allocations - before, 0) << static_cast<int>(method);
  }
}

}  // namespace
}  // namespace starling::pinn

#endif
