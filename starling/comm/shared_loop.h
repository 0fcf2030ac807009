#pragma once
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "starling/comm/communicator.h"

namespace starling::comm {

/// While it lives, the SharedLoops of this thread are split over these ranks. Every rank must then do the
/// same in the same order, on processors that compute alike.
class Sharing {
 public:
  explicit Sharing(Communicator& communicator);
  ~Sharing();
  Sharing(const Sharing&) = delete;
  Sharing& operator=(const Sharing&) = delete;

 private:
  Communicator* before_;
};

/// base::parallel_chunks over [0, n) of which each rank does a run of whole chunks. What the chunks wrote is
/// then brought to every rank. The chunks are those of one process, so the bytes are too, as long as each
/// chunk writes to its own place and places are folded in chunk order. In one process, inside another
/// parallel loop, and with a single chunk it is base::parallel_chunks and nothing is sent.
class SharedLoop {
 public:
  SharedLoop(std::ptrdiff_t n, std::ptrdiff_t chunk);

  void run(const std::function<void(std::ptrdiff_t begin, std::ptrdiff_t end)>& body) const;

  /// Collective: `values` numbers for each of the n rows, at `data`; null stays null.
  template <class T>
  void gather_rows(T* data, std::ptrdiff_t values = 1) const {
    if (communicator_ != nullptr && data != nullptr)
      gather(reinterpret_cast<std::byte*>(data), static_cast<std::size_t>(values) * sizeof(T), false);
  }
  /// Collective: `values` numbers for each chunk, one chunk's after the other's.
  template <class T>
  void gather_chunks(T* data, std::ptrdiff_t values) const {
    if (communicator_ != nullptr)
      gather(reinterpret_cast<std::byte*>(data), static_cast<std::size_t>(values) * sizeof(T), true);
  }
  /// Collective: what chunk number c wrote.
  template <class T>
  void gather_chunk(std::size_t c, std::span<T> values) const {
    if (communicator_ != nullptr) communicator_->broadcast(std::as_writable_bytes(values), owner(c));
  }

 private:
  std::ptrdiff_t first_chunk(int rank) const;
  int owner(std::size_t chunk) const;
  void gather(std::byte* data, std::size_t bytes, bool by_chunk) const;

  std::ptrdiff_t n_, chunk_, chunks_;
  Communicator* communicator_;
};

}  // namespace starling::comm
