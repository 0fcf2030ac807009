#include "starling/base/parallel.h"

#include <immintrin.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <algorithm>
#include <atomic>

#include "starling/base/parallel_depth.h"

#if defined(__SANITIZE_THREAD__)
#define STARLING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STARLING_TSAN 1
#endif
#endif
#ifdef STARLING_TSAN
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace starling::base {
namespace {

thread_local int depth = 0;  // of loops around what this thread does

struct Inside {
  Inside() { ++depth; }
  ~Inside() { --depth; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

#ifdef STARLING_TSAN
// oneTBB is not built with ThreadSanitizer, which sees nothing of what orders its threads: whatever silenced
// the false reports would silence the true ones. Under it threads begin and end with the loop, in its sight.
template <class Run>
void run_in_threads(std::ptrdiff_t chunks, const Run& run) {
  std::atomic<std::ptrdiff_t> next = 0;
  std::mutex guard;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      for (std::ptrdiff_t c = next++; c < chunks; c = next++) run(c);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!error) error = std::current_exception();
      next = chunks;
    }
  };
  {
    const std::ptrdiff_t threads = depth > 0 ? 2 : thread_count();
    std::vector<std::jthread> others;
    for (std::ptrdiff_t t = 1; t < std::min(threads, chunks); ++t) others.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}
#else
template <class Run>
void run_in_threads(std::ptrdiff_t chunks, const Run& run) {
  // By itself: an exception of a loop around this one, from another of its tasks, would end this one too,
  // chunks left out and nothing said.
  tbb::task_group_context alone(tbb::task_group_context::isolated);
  tbb::parallel_for(std::ptrdiff_t{0}, chunks, run, alone);
}
#endif

}  // namespace

bool in_parallel_loop() {
  return depth > 0;
}

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  _mm_setcsr(saved_ | flush_to_zero | denormals_are_zero);
}

FlushDenormals::~FlushDenormals() {
  _mm_setcsr(saved_);
}

// Built in place: a copy of a global_control ends with its original.
struct ThreadLimit::Control {
  explicit Control(int threads)
      : control(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)) {}
  tbb::global_control control;
};

ThreadLimit::ThreadLimit(int threads) {
  const int wanted = threads > 0 ? threads : tbb::info::default_concurrency();
  // More threads than cores are allowed: results must not depend on their number, and tests check that.
  control_ = std::make_unique<Control>(wanted);
}

ThreadLimit::~ThreadLimit() = default;

int thread_count() {
  return static_cast<int>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
}

void parallel_chunks(std::ptrdiff_t n, std::ptrdiff_t chunk,
                     const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body) {
  if (n <= 0) return;
  const std::ptrdiff_t chunks = (n + chunk - 1) / chunk;
  const auto run_one = [&](std::ptrdiff_t c) {
    const FlushDenormals flush;
    const Inside inside;
    body(c * chunk, std::min(n, (c + 1) * chunk));
  };
  if (chunks == 1 || thread_count() == 1) {
    for (std::ptrdiff_t c = 0; c < chunks; ++c) run_one(c);
    return;
  }
  run_in_threads(chunks, run_one);
}

void parallel_tasks(std::ptrdiff_t n, const std::function<void(std::ptrdiff_t)>& task) {
  std::atomic<std::ptrdiff_t> next = 0;
  const auto work = [&] {
    try {
      for (std::ptrdiff_t i = next++; i < n; i = next++) task(i);
    } catch (...) {
      next = n;
      throw;
    }
  };
  parallel_chunks(std::min<std::ptrdiff_t>(n, thread_count()), 1,
                  [&](std::ptrdiff_t, std::ptrdiff_t) { tbb::this_task_arena::isolate(work); });
}

}  // namespace starling::base
