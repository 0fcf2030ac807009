#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

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

}  // namespace starling::kernels
