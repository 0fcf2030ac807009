#pragma once
#include <cblas.h>

namespace starling::math {

/// Products run in oneTBB's threads; OpenBLAS must have none of its own. Called before each product; that
/// none is started is settled before main (openblas.cc).
void hold_openblas_to_one_thread();

}  // namespace starling::math
