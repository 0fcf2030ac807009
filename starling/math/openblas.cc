#include "starling/math/openblas.h"

// How many threads OpenBLAS will start and use; 0 until its own initialisation counts the cores (memory.c,
// blas_server.c).
extern "C" {
extern int blas_cpu_number;
extern int blas_num_threads;
}

namespace starling::math {
namespace {

// OpenBLAS starts its threads before main, each of which takes 128 MB of address space and, where there is no
// such room
// (`ulimit -v`), asks for it for ever, so that the program cannot even end. We never use them: with the
// number known beforehand, none is started. The environment variable for this would reach numpy's copy too.
__attribute__((constructor(101))) void start_no_threads() {
  blas_cpu_number = 1;
  blas_num_threads = 1;
}

}  // namespace

void hold_openblas_to_one_thread() {
  [[maybe_unused]] static const bool held = [] {
    openblas_set_num_threads(1);
    return true;
  }();
}

}  // namespace starling::math
