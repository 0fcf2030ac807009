// What a step of Muon costs beside its map: momentum, decay and scale are a share of the whole. Step and map
// alternate, so that a change of clock speed meets both; the share is of the medians.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/optim/muon.h"
#include "timing.h"

namespace {

using namespace starling;

template <class T>
void step_beside_map(benchmark::State& state, optim::Orthogonalization method) {
  const base::ThreadLimit one(1);
  const base::Index side = state.range(0), batch = state.range(1), size = side * side * batch;
  optim::MuonSpec spec;
  if (method != optim::Orthogonalization::regularized) spec.map = {.method = method};
  optim::Muon<T> muon(spec, side, side, batch);
  optim::Orthogonalizer<T> map(spec.map, side, side, batch);
  base::Stream stream(1, 0, "bench");
  std::vector<T> w(static_cast<std::size_t>(size)), g(w), out(w);
  stream.fill_normal(w);
  stream.fill_normal(g);
  std::vector<double> steps, maps;
  for (auto _ : state) {
    const double begin = bench::thread_seconds();
    muon.step(1e-3, w, g);
    const double middle = bench::thread_seconds();
    map(g.data(), out.data());
    steps.push_back(middle - begin);
    maps.push_back(bench::thread_seconds() - middle);
    benchmark::DoNotOptimize(out.data());
  }
  const double step = bench::median(steps), alone = bench::median(maps);
  state.counters["us_a_matrix"] = 1e6 * step / static_cast<double>(batch);
  state.counters["share_beside_map"] = 1 - alone / step;
}

void regularised(benchmark::State& state) {
  step_beside_map<float>(state, optim::Orthogonalization::regularized);
}
void five_steps(benchmark::State& state) {
  step_beside_map<float>(state, optim::Orthogonalization::jordan);
}

void regularised_double(benchmark::State& state) {
  step_beside_map<double>(state, optim::Orthogonalization::regularized);
}

}  // namespace

BENCHMARK(regularised)->Args({32, 64})->Args({16, 256})->Args({128, 4})->Iterations(2000);
BENCHMARK(five_steps)->Args({32, 64})->Args({16, 256})->Args({128, 4})->Iterations(2000);
BENCHMARK(regularised_double)->Args({32, 64})->Args({24, 128})->Args({16, 256})->Iterations(1000);
BENCHMARK_MAIN();
