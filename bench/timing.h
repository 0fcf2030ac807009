#pragma once
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::bench {

inline double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds of processor time, of all threads and of this one alone: a busy machine does not count.
inline double process_seconds() {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}
inline double thread_seconds() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

/// The upper one of an even count.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// A size from the command line.
inline base::Index number(const char* word) {
  return static_cast<base::Index>(std::strtol(word, nullptr, 10));
}

}  // namespace starling::bench
