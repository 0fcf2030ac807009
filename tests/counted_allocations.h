#pragma once
// Counts every operator new of the program that includes it, in one of its files. Sanitizers bring their own
// operators: there the count does not exist, and what reads it is left out.
#include <atomic>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__)
#define STARLING_COUNTS_OPERATOR_NEW 1

namespace starling::counted {
inline std::atomic<long> allocations = 0;

inline void* allocate(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace starling::counted

void* operator new(std::size_t size) {
  return starling::counted::allocate(size);
}
void* operator new[](std::size_t size) {
  return starling::counted::allocate(size);
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

#endif
