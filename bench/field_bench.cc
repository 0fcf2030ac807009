// Pairwise fields in single precision on one thread: pairs a second, and how many cycles of one fused
// multiply-add a pair costs. bench/peers holds the same field against its rivals.
#include <benchmark/benchmark.h>
#include <oneapi/tbb/global_control.h>

#include <vector>

#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/mean_shift.h"

namespace {

std::vector<float> cloud(std::ptrdiff_t n, std::ptrdiff_t d, std::uint64_t index) {
  std::vector<float> points(static_cast<std::size_t>(n * d));
  starling::base::Stream(1, 0, "bench", index).fill_normal(std::span<float>(points));
  return points;
}

void double_normalised(benchmark::State& state) {
  const std::ptrdiff_t n = state.range(0), d = state.range(1);
  const auto x = cloud(n, d, 1), y = cloud(n, d, 2);
  std::vector<float> out(x.size());
  starling::kernels::AffinityRule rule;
  rule.temperature = d < 16 ? 0.05 : 2.0;
  for (auto _ : state) {
    starling::kernels::double_normalised(rule, x.data(), n, y.data(), n, std::ptrdiff_t{0}, d,
                                         static_cast<const float*>(nullptr), out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["pairs"] =
      benchmark::Counter(static_cast<double>(2 * n * n), benchmark::Counter::kIsIterationInvariantRate);
}

void mean_shift(benchmark::State& state, starling::kernels::Radial radial) {
  const std::ptrdiff_t n = state.range(0), d = state.range(1);
  const auto x = cloud(n, d, 1), y = cloud(n, d, 2);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    starling::kernels::mean_shift(radial, d < 16 ? 0.3 : 2.0, starling::kernels::SelfPair::included, x.data(),
                                  n, y.data(), n, d, out.data(), static_cast<float*>(nullptr));
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["pairs"] =
      benchmark::Counter(static_cast<double>(n * n), benchmark::Counter::kIsIterationInvariantRate);
}

const std::vector<std::vector<std::int64_t>> shapes = {
    {2048, 2}, {4096, 2}, {2048, 8}, {2048, 64}, {2048, 784}};

void all_shapes(benchmark::internal::Benchmark* benchmark) {
  for (const auto& shape : shapes) benchmark->Args(shape);
  benchmark->Unit(benchmark::kMillisecond);
}

BENCHMARK(double_normalised)->Apply(all_shapes);
BENCHMARK_CAPTURE(mean_shift, laplace, starling::kernels::Radial::laplace)->Apply(all_shapes);
BENCHMARK_CAPTURE(mean_shift, gaussian, starling::kernels::Radial::gaussian)->Apply(all_shapes);

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
  if (starling::base::thread_count() != 1) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
