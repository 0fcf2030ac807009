#include "starling/math/openblas.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

// How many threads OpenBLAS will start and use; 0 until its own initialisation counts the cores (memory.c,
// blas_server.c). Builds of it without threads lack them.
extern "C" {
extern int blas_cpu_number __attribute__((weak));
extern int blas_num_threads __attribute__((weak));
}

namespace starling::math {
namespace {

// OpenBLAS starts its threads before main, each of which takes 128 MB of address space and, where there is no
// such room (`ulimit -v`), asks for it for ever, so that the program cannot even end. We never use them: with
// the number known beforehand, none is started. The environment variable for this would reach numpy's copy
// too.
__attribute__((constructor(101))) void start_no_threads() {
  if (&blas_cpu_number != nullptr) blas_cpu_number = 1;
  if (&blas_num_threads != nullptr) blas_num_threads = 1;
}

// Each thread that multiplies takes such work memory once, and keeps it.
void require_room() {
  constexpr std::size_t buffer = std::size_t{128} << 20;
  const std::size_t bytes = buffer * static_cast<std::size_t>(base::thread_count());
  void* room = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    throw base::Error(
        base::ErrorKind::numerical,
        fmt::format("memory: matrix products need {} MB of address space on {} threads and there "
                    "is less; raise the limit (ulimit -v) or take fewer --threads",
                    bytes >> 20U, base::thread_count()));
  }
  munmap(room, bytes);
}

}  // namespace

void hold_openblas_to_one_thread() {
  [[maybe_unused]] static const bool held = [] {
    require_room();
    openblas_set_num_threads(1);
    return true;
  }();
}

}  // namespace starling::math
