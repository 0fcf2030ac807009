#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "starling/simd/lane_vector.h"

namespace starling::kernels {

/// Room for a large work array: `size` numbers, not initialised, on huge pages where the system grants them.
/// Fresh small pages cost more than the arithmetic that such an array is for.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::size_t size) {
    constexpr std::size_t page = std::size_t{2} << 20;
    const std::size_t bytes = size * sizeof(T), alignment = bytes < page ? 64 : page;
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    data_.reset(static_cast<T*>(std::aligned_alloc(alignment, rounded)));
    if (rounded > 0 && data_ == nullptr) throw std::bad_alloc();
    if (alignment == page) madvise(data_.get(), rounded, MADV_HUGEPAGE);  // a wish: failure costs speed alone
  }
  T* data() const { return data_.get(); }
  bool empty() const { return data_ == nullptr; }

 private:
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::unique_ptr<T, Free> data_;
};

/// Room for `size` numbers that this thread keeps, for the inside of one kernel: its next call of this gives
/// the same room. It begins on a cache line and is allocated anew when it grows.
template <class T>
T* thread_scratch(std::size_t size) {
  static thread_local simd::AlignedVector<T> room;
  if (room.size() < size) {
    room.clear();  // nothing to copy
    room.resize(size);
  }
  return room.data();
}

}  // namespace starling::kernels
