#pragma once
#include <cstddef>
#include <functional>
#include <memory>

namespace starling::base {

/// While it lives, denormal inputs and results of this thread count as zero (x86 FTZ and DAZ). A Gaussian
/// kernel whose tails underflow is otherwise slowed by two orders of magnitude. Restores the former mode.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

/// While it lives, parallel loops of the process use at most `threads` threads (0: all that the machine has).
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  struct Control;
  std::unique_ptr<Control> control_;
};

/// The number of threads that a parallel loop started now may use.
int thread_count();

/// Runs body(begin, end) over [0, n) in chunks of exactly `chunk` (the last may be shorter). The chunks
/// depend on n and `chunk` alone, never on the number of threads: a body that writes one result per chunk,
/// reduced in order afterwards, is reproducible to the bit. Denormals are flushed inside. Exceptions of a
/// body reach the caller.
void parallel_chunks(std::ptrdiff_t n, std::ptrdiff_t chunk,
                     const std::function<void(std::ptrdiff_t begin, std::ptrdiff_t end)>& body);

/// Runs task(0), ..., task(n - 1), each once and begun in this order, as many at a time as there are threads;
/// parallel loops inside share them. A thread that waits for such a loop never takes up another task
/// meanwhile. After an exception no further task begins, those that have end as they would; the first one
/// reaches the caller.
void parallel_tasks(std::ptrdiff_t n, const std::function<void(std::ptrdiff_t)>& task);

}  // namespace starling::base
