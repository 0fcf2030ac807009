// The products of a training step through the project's seam against Eigen's own on one thread, in one run,
// and the step itself. Each pair alternates round by round, so that a change of clock speed meets both.
#include <benchmark/benchmark.h>
#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/mlp.h"
#include "timing.h"

namespace {

using starling::base::Index;
using starling::base::Points;

enum class Shape { nn, nt, tn };

struct Case {
  const char* name;
  Shape shape;
  Index n, k, m;
};

// What one chunk of 256 rows asks for in a 32-256-256-256-2 network, and two square products for scale.
const std::vector<Case> cases = {{"forward_first_256x32x256", Shape::nt, 256, 32, 256},
                                 {"forward_256x256x256", Shape::nt, 256, 256, 256},
                                 {"forward_last_256x256x2", Shape::nt, 256, 256, 2},
                                 {"backward_256x256x256", Shape::nn, 256, 256, 256},
                                 {"backward_last_256x2x256", Shape::nn, 256, 2, 256},
                                 {"gradient_256x256x256", Shape::tn, 256, 256, 256},
                                 {"gradient_last_2x256x256", Shape::tn, 2, 256, 256},
                                 {"gradient_first_256x256x32", Shape::tn, 256, 256, 32},
                                 {"square_512", Shape::nn, 512, 512, 512},
                                 {"square_1024", Shape::nn, 1024, 1024, 1024}};

void ours(const Case& c, const float* a, const float* b, float* out) {
  switch (c.shape) {
    case Shape::nn:
      starling::math::product(c.n, c.k, c.m, a, b, out);
      return;
    case Shape::nt:
      starling::math::product_nt(c.n, c.k, c.m, a, b, out);
      return;
    case Shape::tn:
      starling::math::product_tn(c.n, c.k, c.m, a, b, out);
      return;
  }
}

void rival(const Case& c, const float* a, const float* b, float* out) {
  using In = Eigen::Map<const Points<float>>;
  Eigen::Map<Points<float>> target(out, c.n, c.m);
  switch (c.shape) {
    case Shape::nn:
      target.noalias() = In(a, c.n, c.k) * In(b, c.k, c.m);
      return;
    case Shape::nt:
      target.noalias() = In(a, c.n, c.k) * In(b, c.m, c.k).transpose();
      return;
    case Shape::tn:
      target.noalias() = In(a, c.k, c.n).transpose() * In(b, c.k, c.m);
      return;
  }
}

std::vector<float> normals(Index n, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(n));
  starling::base::Stream(seed, 0, "bench").fill_normal(std::span<float>(values));
  return values;
}

// Processor time of this thread: neighbours on a shared machine weigh less than on a wall clock.
template <class Body>
double seconds_of(int repeats, const Body& body) {
  const double start = starling::bench::thread_seconds();
  for (int i = 0; i < repeats; ++i) body();
  return (starling::bench::thread_seconds() - start) / repeats;
}

void compare(benchmark::State& state, const Case& c) {
  const auto a = normals(c.n * c.k, 1), b = normals(c.k * c.m, 2);
  std::vector<float> out(static_cast<std::size_t>(c.n * c.m)), expected(out.size());
  const double flops = 2.0 * static_cast<double>(c.n) * static_cast<double>(c.k) * static_cast<double>(c.m);
  const int repeats = std::max(1, static_cast<int>(1e8 / flops));
  ours(c, a.data(), b.data(), out.data());
  rival(c, a.data(), b.data(), expected.data());
  float error = 0;
  for (std::size_t i = 0; i < out.size(); ++i) error = std::max(error, std::abs(out[i] - expected[i]));
  if (!(error < 1e-2F)) {
    state.SkipWithError("the two products differ");
    return;
  }
  std::vector<double> own_seconds, rival_seconds;
  for (auto _ : state) {
    own_seconds.push_back(seconds_of(repeats, [&] { ours(c, a.data(), b.data(), out.data()); }));
    rival_seconds.push_back(seconds_of(repeats, [&] { rival(c, a.data(), b.data(), expected.data()); }));
    benchmark::DoNotOptimize(out.data());
    benchmark::DoNotOptimize(expected.data());
  }
  state.counters["own_GFLOPs"] = flops / starling::bench::median(own_seconds) * 1e-9;
  state.counters["rival_GFLOPs"] = flops / starling::bench::median(rival_seconds) * 1e-9;
  state.counters["own/rival"] = starling::bench::median(rival_seconds) / starling::bench::median(own_seconds);
}

void training_step(benchmark::State& state, starling::nets::Activation activation) {
  const starling::nets::Mlp<float> network(
      {.inputs = 32, .outputs = 2, .width = 256, .layers = 3, .activation = activation});
  constexpr Index batch = 2048;
  std::vector<float> parameters(static_cast<std::size_t>(network.parameter_count())),
      gradient(parameters.size());
  starling::base::Stream stream(1, 0, "bench");
  network.initialise(stream, parameters);
  Points<float> x(batch, 32), out, d_out(batch, 2);
  stream.fill_normal(std::span<float>(x.data(), static_cast<std::size_t>(x.size())));
  stream.fill_normal(std::span<float>(d_out.data(), static_cast<std::size_t>(d_out.size())));
  starling::nets::Mlp<float>::Workspace workspace;
  for (auto _ : state) {
    network.forward(parameters, x, {}, workspace, out);
    network.backward(parameters, workspace, d_out, gradient);
    benchmark::DoNotOptimize(gradient.data());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
  if (starling::base::thread_count() != 1)
    return 1;  // a step on two threads would be credited with the speed of both
  benchmark::AddCustomContext("rival", "Eigen, one thread");
  for (const Case& c : cases) {
    benchmark::RegisterBenchmark(c.name, compare, c)->Iterations(31)->Unit(benchmark::kMillisecond);
  }
  using starling::nets::Activation;
  const std::vector<std::pair<const char*, Activation>> activations = {{"step_silu_2048", Activation::silu},
                                                                       {"step_gelu_2048", Activation::gelu},
                                                                       {"step_tanh_2048", Activation::tanh},
                                                                       {"step_relu_2048", Activation::relu}};
  for (const auto& [name, activation] : activations) {
    benchmark::RegisterBenchmark(name, training_step, activation)->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
