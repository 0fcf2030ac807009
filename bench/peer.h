#pragma once
#include <fmt/format.h>

#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

#include "starling/base/matrix.h"
#include "timing.h"

/// What the programs share that bench/peers starts: inputs that its rivals have too, and one clock for all.
namespace peer {

/// Seconds of all threads of this process, or of the wall where there are several: as bench/peers/harness.py.
inline double seconds(starling::base::Index threads) {
  return starling::bench::seconds_of(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC);
}

/// The raw numbers of a file, of this machine's byte order, one span after the other.
class Inputs {
 public:
  explicit Inputs(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

  template <class T>
  void read(std::span<T> into) {
    file_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size_bytes()));
    if (!file_) throw std::runtime_error(fmt::format("{}: too short, or not there", path_));
  }

 private:
  std::string path_;
  std::ifstream file_;
};

/// One line a step: its seconds, and the loss before it.
inline void print_step(double seconds, double loss) {
  fmt::print("{:.9f} {:.17g}\n", seconds, loss);
}

}  // namespace peer
