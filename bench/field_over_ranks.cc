// One drifting field over ranks: mpirun -n R bench_field_over_ranks [PARTICLES [ROWS [COLUMNS [REPEATS]]]]:
// the field of COLUMNS at the first ROWS of PARTICLES points in the plane. Prints the processor seconds of
// the busiest rank's part, which another load on the machine changes little, beside the wall seconds of the
// whole and of bringing the parts together, the least of REPEATS, 3 by default. With 0 repeats the whole is
// done once, in slices of its rows with a small field before each: the machine's pace changes in the minutes
// that a million rows take, and what the pace between them says of the whole is the model's forecast.
#include <fmt/format.h>

#include <algorithm>
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
  return starling::bench::seconds_of(CLOCK_MONOTONIC);
}

template <class Work>
double least_of(int repeats, starling::comm::Communicator& ranks, Work work) {
  double least = 1e300;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    ranks.barrier();
    const double began = wall_seconds();
    work();
    least = std::min(least, wall_seconds() - began);
  }
  return least;
}

/// The processor seconds of the busiest rank.
double busiest(double seconds, starling::comm::Communicator& ranks) {
  const auto size = static_cast<std::size_t>(ranks.size());
  std::vector<double> of_rank(size);
  of_rank[static_cast<std::size_t>(ranks.rank())] = seconds;
  std::vector<std::size_t> bounds(size + 1);
  for (std::size_t r = 0; r <= size; ++r) bounds[r] = r * sizeof(double);
  ranks.gather(std::as_writable_bytes(std::span(of_rank)), bounds);
  return *std::ranges::max_element(of_rank);
}

/// Fields of the first points of one cloud.
class Field {
 public:
  explicit Field(Index particles) : y_(particles, 2), out_(particles, 2) {
    starling::base::Stream(1, 0, "bench").fill_normal({y_.data(), static_cast<std::size_t>(y_.size())});
  }
  void operator()(Index from, Index to, Index columns) {
    starling::kernels::mean_shift<double>(starling::kernels::Radial::gaussian, 0.3,
                                          starling::kernels::SelfPair::included, y_.data() + from * 2,
                                          to - from, y_.data(), columns, 2, out_.data() + from * 2, nullptr);
  }
  double* out() { return out_.data(); }

 private:
  starling::base::Points<double> y_, out_;
};

/// Rows [from, to), a run of them a rank; returns the processor seconds of the busiest.
double split(Field& field, Index from, Index to, Index columns, starling::comm::Communicator& ranks) {
  const Index rows = to - from;
  const double began = starling::bench::process_seconds();
  field(from + rows * ranks.rank() / ranks.size(), from + rows * (ranks.rank() + 1) / ranks.size(), columns);
  return busiest(starling::bench::process_seconds() - began, ranks);
}

void once_in_slices(Field& field, Index rows, Index columns, starling::comm::Communicator& ranks) {
  constexpr Index slices = 200;
  const Index probe = std::min<Index>({16384, rows, columns});
  const double probes_a_slice =
      static_cast<double>(rows) * static_cast<double>(columns) / slices / static_cast<double>(probe * probe);
  std::vector<double> ratios;
  double taken = 0, forecast = 0;
  for (Index s = 0; s < slices; ++s) {
    const double said = probes_a_slice * split(field, 0, probe, probe, ranks);
    const double took = split(field, rows * s / slices, rows * (s + 1) / slices, columns, ranks);
    taken += took;
    forecast += said;
    ratios.push_back(took / said);
    if (ranks.lead() && (s + 1) % 20 == 0)
      fmt::print("  {:3} of {} slices: {:.1f} s of a processor, forecast {:.1f} s\n", s + 1, slices, taken,
                 forecast);
  }
  if (!ranks.lead()) return;
  fmt::print(
      "{} ranks, {} rows by {} columns: {:.1f} s of a processor, where {} fields of {} forecast {:.1f} s; "
      "a slice is {:.3f} of its forecast (median)\n",
      ranks.size(), rows, columns, taken, slices, probe, forecast, starling::bench::median(ratios));
}

}  // namespace

int main(int argc, char** argv) {
  using starling::bench::number;
  const Index n = argc > 1 ? number(argv[1]) : 65536, rows = std::min(n, argc > 2 ? number(argv[2]) : n),
              columns = std::min(n, argc > 3 ? number(argv[3]) : n);
  const int repeats = argc > 4 ? static_cast<int>(number(argv[4])) : 3;
  starling::comm::Communicator& ranks = starling::comm::launched();
  const starling::base::ThreadLimit threads(1);
  Field field(n);
  if (repeats == 0) {
    once_in_slices(field, rows, columns, ranks);
    return 0;
  }
  double part = 1e300;
  for (int repeat = 0; repeat < repeats; ++repeat)
    part = std::min(part, split(field, 0, rows, columns, ranks));
  const starling::comm::Sharing sharing(ranks);
  const double whole = least_of(repeats, ranks, [&] { field(0, rows, columns); });
  const double gather =
      least_of(3, ranks, [&] { starling::comm::SharedLoop(rows, 64).gather_rows(field.out(), 2); });
  if (ranks.lead())
    fmt::print(
        "{} ranks, {} rows by {} columns: part {:.4f} s of a processor, whole {:.4f} s, gather {:.6f} s\n",
        ranks.size(), rows, columns, part, whole, gather);
}
