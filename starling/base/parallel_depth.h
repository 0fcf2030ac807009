#pragma once

namespace starling::base {

/// Whether this thread is inside the body of a parallel loop.
bool in_parallel_loop();

}  // namespace starling::base
