#pragma once
#include <cblas.h>

namespace starling::math {

/// Products run in oneTBB's threads; OpenBLAS's own must sleep. Called before each product, not before main:
/// the library has to have chosen its kernels.
inline void hold_openblas_to_one_thread() {
  [[maybe_unused]] static const bool held = [] {
    openblas_set_num_threads(1);
    return true;
  }();
}

}  // namespace starling::math
