// What holds for a whole training step: its bytes, and what it allocates.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <cstring>

#include "counted_allocations.h"
#include "nets/problem.h"
#include "starling/base/parallel.h"

namespace starling::nets {
namespace {

using base::Index;

// Held in place: a tbb::global_control that is copied ends with the copy's source.
struct Threads {
  tbb::global_control control;
  explicit Threads(int count)
      : control(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(count)) {}
};

template <class T>
void expect_same_bytes_for_any_thread_count() {
  for (const Index rows : {1, 255, 256, 257, 2048}) {
    const MlpSpec spec{.inputs = 32,
                       .outputs = 2,
                       .width = 64,
                       .layers = 3,
                       .residual = true,
                       .classes = 7,
                       .guidance = true};
    std::vector<T> gradient;
    base::Points<T> out;
    for (const int threads : {1, 2, 5}) {
      const Threads limit(threads);
      ASSERT_EQ(base::thread_count(), threads);  // else the comparison would prove nothing
      for (int repeat = 0; repeat < 3; ++repeat) {
        Batch<T> b(spec, rows);
        b.forward();
        b.backward();
        if (gradient.empty()) {
          gradient = b.gradient;
          out = b.out;
        }
        EXPECT_EQ(std::memcmp(gradient.data(), b.gradient.data(), gradient.size() * sizeof(T)), 0);
        EXPECT_EQ(std::memcmp(out.data(), b.out.data(), static_cast<std::size_t>(out.size()) * sizeof(T)), 0);
      }
    }
  }
}

TEST(MlpStep, GivesTheSameBytesForAnyNumberOfThreadsInFloat) {
  expect_same_bytes_for_any_thread_count<float>();
}
TEST(MlpStep, GivesTheSameBytesForAnyNumberOfThreadsInDouble) {
  expect_same_bytes_for_any_thread_count<double>();
}

// Where the caller's vectors start within a cache line must not matter: a resumed run has another heap.
template <class T>
void expect_same_bytes_at_any_alignment() {
  const MlpSpec spec{
      .inputs = 32, .outputs = 2, .width = 64, .layers = 3, .residual = true, .classes = 7, .guidance = true};
  Batch<T> b(spec, 300);
  const std::size_t count = b.parameters.size();
  const base::Vector<T> zero = base::Vector<T>::Zero(b.network.parameter_count() + 64);
  base::Vector<T> p = zero, g = zero, first;
  for (Index shift = 0; shift < 16; ++shift) {
    std::copy(b.parameters.begin(), b.parameters.end(), p.data() + shift);
    const std::span<const T> parameters(p.data() + shift, count);
    b.network.forward(parameters, b.x, b.labels, b.guidance, b.workspace, b.out);
    b.network.backward(parameters, b.workspace, b.d_out, std::span<T>(g.data() + shift, count));
    if (shift == 0) first = g;
    EXPECT_EQ(std::memcmp(first.data(), g.data() + shift, count * sizeof(T)), 0) << "shift " << shift;
  }
}

TEST(MlpStep, GivesTheSameBytesWhereverParametersAndGradientLieInFloat) {
  expect_same_bytes_at_any_alignment<float>();
}
TEST(MlpStep, GivesTheSameBytesWhereverParametersAndGradientLieInDouble) {
  expect_same_bytes_at_any_alignment<double>();
}

// The workspace's buffers too: a small network's come from the heap at any multiple of 16 bytes, which the
// blocks held here push about. (Large ones are mapped, and start at one offset of a page.)
template <class T>
void expect_same_bytes_from_any_workspace() {
  const MlpSpec spec{.inputs = 7, .outputs = 3, .width = 33, .layers = 2};
  Batch<T> b(spec, 300);
  b.forward();
  b.backward();
  const std::vector<T> first = b.gradient;
  std::vector<std::vector<char>> held;
  for (std::size_t i = 0; i < 64; ++i) {
    held.emplace_back(24 + 16 * (i % 5));
    typename Mlp<T>::Workspace fresh;
    b.network.forward(b.parameters, b.x, b.labels, b.guidance, fresh, b.out);
    b.network.backward(b.parameters, fresh, b.d_out, b.gradient);
    ASSERT_EQ(std::memcmp(first.data(), b.gradient.data(), first.size() * sizeof(T)), 0) << "workspace " << i;
  }
}

TEST(MlpStep, GivesTheSameBytesFromAnyWorkspaceInFloat) {
  expect_same_bytes_from_any_workspace<float>();
}
TEST(MlpStep, GivesTheSameBytesFromAnyWorkspaceInDouble) {
  expect_same_bytes_from_any_workspace<double>();
}

TEST(MlpStep, AWorkspaceMayServeBatchesOfDifferentSizes) {
  const MlpSpec spec{.inputs = 3, .outputs = 2, .width = 8, .layers = 2, .classes = 3};
  Batch<double> reused(spec, 600), fresh(spec, 10);
  reused.forward();
  reused.backward();
  reused.x = fresh.x;
  reused.labels = fresh.labels;
  reused.d_out = fresh.d_out;
  reused.forward();
  reused.backward();
  fresh.forward();
  fresh.backward();
  EXPECT_EQ(reused.out, fresh.out);
  EXPECT_EQ(reused.gradient, fresh.gradient);
}

#ifdef STARLING_COUNTS_ALLOCATIONS
TEST(MlpStep, TheCounterSeesBothKindsOfAllocation) {
  const long before = counted::allocations;
  base::Points<float> a(300, 300);
  a.setZero();
  const std::vector<double> b(100, 1.0);
  EXPECT_GE(counted::allocations - before, 2) << a(0, 0) + static_cast<float>(b[0]);
}

template <class T>
void expect_no_allocation_in_a_step() {
  const Threads one(1);
  ASSERT_EQ(base::thread_count(), 1);
  for (const Activation activation : all_activations) {
    for (const bool extras : {false, true}) {
      Batch<T> b({.inputs = 32,
                  .outputs = 2,
                  .width = 256,
                  .layers = 3,
                  .activation = activation,
                  .residual = extras,
                  .classes = extras ? 4 : 0,
                  .guidance = extras},
                 513);
      b.forward();
      b.backward();
      const long before = counted::allocations;
      b.forward();
      b.backward();
      EXPECT_EQ(counted::allocations - before, 0)
          << "activation " << static_cast<int>(activation) << ", extras " << extras;
    }
  }
}

TEST(MlpStep, AllocatesNothingOnceTheWorkspaceHasItsSizeInFloat) {
  expect_no_allocation_in_a_step<float>();
}
TEST(MlpStep, AllocatesNothingOnceTheWorkspaceHasItsSizeInDouble) {
  expect_no_allocation_in_a_step<double>();
}
#endif

}  // namespace
}  // namespace starling::nets
