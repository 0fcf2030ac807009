#pragma once
#include <cblas.h>

namespace starling::math {

/// Products run in oneTBB's threads; OpenBLAS must have none of its own. Called before each product; that
/// none is started is settled before main (openblas.cc). Error{numerical} where address space is too short
/// for OpenBLAS's work memory, 128 MB a thread: it would ask for it for ever.
void hold_openblas_to_one_thread();

}  // namespace starling::math
