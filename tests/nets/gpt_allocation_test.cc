// A step allocates nothing: every operator new of this program is counted. Sanitizers bring their own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "starling/base/parallel.h"
#include "starling/nets/gpt.h"

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

namespace starling::nets {
namespace {

TEST(Gpt, AllocatesNothingInAStep) {
  const base::ThreadLimit one(1);  // the scheduler of more threads needs memory of its own
  const Gpt<float> net({.vocabulary = 50, .context = 64, .layers = 2, .heads = 2, .width = 48, .bias = true});
  std::vector<float> parameters(static_cast<std::size_t>(net.parameter_count())), gradient(parameters.size());
  base::Stream stream(1, 0, "test");
  net.initialise(stream, parameters);
  const std::vector<std::int32_t> tokens(640, 3);
  std::vector<double> each(tokens.size());
  Gpt<float>::Workspace workspace;
  const auto step = [&] {
    net.loss(parameters, tokens, tokens, 10, workspace, each);
    net.backward(parameters, tokens, workspace, gradient);
  };
  step();
  const long before = allocations;
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(allocations - before, 0);
}

}  // namespace
}  // namespace starling::nets

#endif
