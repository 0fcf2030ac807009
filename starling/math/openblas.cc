#include "starling/math/openblas.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "starling/base/parallel.h"

// How many threads OpenBLAS will start and use; 0 until its own initialisation counts the cores (memory.c,
// blas_server.c). Builds of it without threads lack them.
extern "C" {
extern int blas_cpu_number __attribute__((weak));
extern int blas_num_threads __attribute__((weak));
// The table of kernels in use, and what fills it unless it is filled (dynamic.c). Builds for one processor
// lack them.
extern void* gotoblas __attribute__((weak));
void gotoblas_dynamic_init() __attribute__((weak));
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

// OpenBLAS knows processors by their numbers. One that is newer than itself it takes for a Prescott, whose
// kernels are a quarter as fast; what the processor can do tells which are the right ones. The variable is
// taken back, since it would reach numpy's copy too; one that the user has set stands.
__attribute__((constructor(102))) void choose_kernels() {
  constexpr const char* variable = "OPENBLAS_CORETYPE";
  if (&gotoblas == nullptr || &gotoblas_dynamic_init == nullptr || std::getenv(variable) != nullptr) return;
  gotoblas_dynamic_init();
  if (std::strcmp(openblas_get_corename(), "Prescott") != 0) return;
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512cd");
  if (!avx2) return;
  setenv(variable, avx512 ? "SkylakeX" : "Haswell", 1);
  gotoblas = nullptr;
  gotoblas_dynamic_init();
  unsetenv(variable);
}

// Too little memory, not divergence: what runs the training stops and can be resumed. MemoryError in Python.
class NoRoom : public std::bad_alloc {
 public:
  explicit NoRoom(std::size_t bytes)
      : text_(fmt::format("memory: matrix products need {} MB of address space on {} threads and there is "
                          "less; raise the limit (ulimit -v) or take fewer --threads",
                          bytes >> 20U, base::thread_count())) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// Each thread that multiplies takes such work memory once, and keeps it.
void require_room() {
  constexpr std::size_t buffer = std::size_t{128} << 20;
  const std::size_t bytes = buffer * static_cast<std::size_t>(base::thread_count());
  void* room = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw NoRoom(bytes);
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
