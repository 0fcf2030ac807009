// One drifting field over ranks: mpirun -n R bench_field_over_ranks [PARTICLES [ROWS [COLUMNS [REPEATS]]]]:
// the field of COLUMNS at the first ROWS of PARTICLES points in the plane. Prints the processor seconds of
// the busiest rank's part, which another load on the machine changes little, beside the wall seconds of the
// whole and of bringing the parts together, the least of REPEATS, 3 by default; of 0 the whole alone, once.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/comm/launch.h"
#include "starling/comm/shared_loop.h"
#include "starling/kernels/mean_shift.h"
#include "timing.h"

namespace {

using starling::base::Index;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Clock, class Work>
double least_of(int repeats, starling::comm::Communicator& ranks, Clock clock, Work work) {
  double least = 1e300;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    ranks.barrier();
    const double began = clock();
    work();
    least = std::min(least, clock() - began);
  }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  const Index n = argc > 1 ? std::atoll(argv[1]) : 65536, rows = argc > 2 ? std::atoll(argv[2]) : n,
              columns = argc > 3 ? std::atoll(argv[3]) : n, d = 2;
  const int repeats = argc > 4 ? std::atoi(argv[4]) : 3;
  starling::comm::Communicator& ranks = starling::comm::launched();
  const starling::base::ThreadLimit threads(1);
  starling::base::Points<double> y(n, d), out(rows, d);
  starling::base::Stream(1, 0, "bench").fill_normal({y.data(), static_cast<std::size_t>(y.size())});
  const auto field = [&](Index from, Index to) {
    starling::kernels::mean_shift<double>(starling::kernels::Radial::gaussian, 0.3,
                                          starling::kernels::SelfPair::included, y.data() + from * d,
                                          to - from, y.data(), columns, d, out.data() + from * d, nullptr);
  };
  const auto size = static_cast<std::size_t>(ranks.size());
  std::vector<double> part(size);
  part[static_cast<std::size_t>(ranks.rank())] =
      least_of(repeats, ranks, starling::bench::process_seconds,
               [&] { field(rows * ranks.rank() / ranks.size(), rows * (ranks.rank() + 1) / ranks.size()); });
  std::vector<std::size_t> bounds(size + 1);
  for (std::size_t r = 0; r <= size; ++r) bounds[r] = r * sizeof(double);
  ranks.gather(std::as_writable_bytes(std::span(part)), bounds);
  const starling::comm::Sharing sharing(ranks);
  const double whole = least_of(std::max(repeats, 1), ranks, wall_seconds, [&] { field(0, rows); });
  const double gather = least_of(3, ranks, wall_seconds,
                                 [&] { starling::comm::SharedLoop(rows, 64).gather_rows(out.data(), d); });
  const double busiest = repeats > 0 ? *std::ranges::max_element(part) : 0;
  if (ranks.lead())
    fmt::print(
        "{} ranks, {} rows by {} columns: part {:.4f} s of a processor, whole {:.4f} s, gather {:.6f} s\n",
        ranks.size(), rows, columns, busiest, whole, gather);
}
