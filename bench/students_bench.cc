// Landscapes of students in the lanes of a vector, on one thread: time a student, and the rate of arithmetic
// beside the core's peak that bench_gemm measures. bench/peers holds the census against its rivals.
#include <benchmark/benchmark.h>

#include <vector>

#include "starling/base/parallel.h"
#include "starling/systems/students/census.h"
#include "starling/systems/students/lane_flow.h"
#include "starling/systems/students/partitions.h"
#include "starling/systems/students/starts.h"

namespace {

using namespace starling;
using namespace starling::students;

constexpr int count = 4096;

struct Room {
  Room(base::Index n, base::Index k)
      : landscape(Activation::erf, orthonormal_teacher(k, k + 1)),
        problem(lane_problem(landscape, n, Outgoing::free)) {
    for (std::uint64_t s = 0; s < count; ++s) {
      const Neurons one = start(landscape, n, Outgoing::free, 1, s);
      students.insert(students.end(), one.w.data(), one.w.data() + one.w.size());
      students.insert(students.end(), one.a.data(), one.a.data() + one.a.size());
    }
  }
  Landscape landscape;
  LaneProblem problem;
  std::vector<double> students;
};

// Additions and multiplications of one gradient: an arc tangent counts 45, a pair's other terms 20; dot
// products and forces are counted by dimension. Divisions and square roots, which take longer, count one
// each.
double gradient_work(double n, double k) {
  const double d = k + 1, pairs = n * (n - 1) / 2;
  return (pairs + n + n * k) * 65 + pairs * (2 * d + 8 * d) + n * 6 * d + n * k * 4;
}

void gradient(benchmark::State& state) {
  const base::ThreadLimit one(1);
  const Room room(state.range(0), state.range(1));
  std::vector<double> out(room.students.size());
  for (auto _ : state) {
    batch_gradient(room.problem, room.students, out);
    benchmark::DoNotOptimize(out.data());
  }
  const double done = static_cast<double>(state.iterations()) * count;
  state.counters["students"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
  const double work = gradient_work(static_cast<double>(state.range(0)), static_cast<double>(state.range(1)));
  state.counters["flop"] = benchmark::Counter(done * work, benchmark::Counter::kIsRate);
}

void census(benchmark::State& state) {
  const Landscape landscape(Activation::erf, orthonormal_teacher(state.range(1), state.range(1) + 1));
  for (auto _ : state) {
    const Census found = take_census(landscape, {.students = state.range(0), .seeds = 2000});
    benchmark::DoNotOptimize(found.worst_gradient);
  }
  state.counters["students"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 2000, benchmark::Counter::kIsRate);
}

}  // namespace

BENCHMARK(gradient)->Args({4, 5})->Args({6, 8})->Args({10, 20})->Unit(benchmark::kMillisecond);
BENCHMARK(census)->Args({4, 5})->Args({6, 8})->Unit(benchmark::kMillisecond)->UseRealTime();

BENCHMARK_MAIN();
