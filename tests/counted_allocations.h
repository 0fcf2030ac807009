#pragma once
// How much memory a program takes from the heap: it counts where counted_allocations.cc is one of its
// sources. Sanitizers bring entry points of their own: there the count does not exist, and what reads it is
// left out.
#include <atomic>
#include <cstdlib>

// clang asks for its sanitizers where GCC defines a name.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STARLING_UNDER_SANITIZER 1
#endif
#endif
#if defined(__GLIBC__) && !defined(STARLING_UNDER_SANITIZER) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define STARLING_COUNTS_ALLOCATIONS 1

namespace starling::counted {
inline std::atomic<long> allocations = 0;
}

#endif
