// A step allocates nothing: every operator new of this program is counted. Sanitizers bring their own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "starling/base/random.h"
#include "starling/optim/muon.h"

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

namespace starling::optim {
namespace {

template <class T>
long allocations_of_a_step(const MuonSpec& spec, base::Index rows, base::Index columns) {
  Muon<T> muon(spec, rows, columns);
  const auto size = static_cast<std::size_t>(rows * columns);
  std::vector<T> w(size), g(size);
  base::Stream(1, 0, "test").fill_normal(std::span<T>(g));
  muon.step(.1, w, g);
  const long before = allocations;
  for (int i = 0; i < 3; ++i) muon.step(.1, w, g);
  return allocations - before;
}

TEST(Muon, AllocatesNothingInAStep) {
  for (const MuonSpec& spec : {MuonSpec{}, normuon(), adamuon(), scion()}) {
    EXPECT_EQ(allocations_of_a_step<float>(spec, 16, 16), 0);
    EXPECT_EQ(allocations_of_a_step<float>(spec, 128, 300), 0);
    EXPECT_EQ(allocations_of_a_step<double>(spec, 100, 40), 0);
  }
  MuonSpec schulz;
  schulz.map = {.method = Orthogonalization::jordan};
  EXPECT_EQ(allocations_of_a_step<float>(schulz, 200, 90), 0);
}

}  // namespace
}  // namespace starling::optim

#endif
