// Seconds and losses of training steps (gradient and AdamW) of a deep network of attention heads, a line
// each: what bench/peers races.
//   bench_deep FILE float|double LAYERS HEADS HEAD_WIDTH WIDTH TOKENS SEQUENCES STEPS THREADS
// FILE holds the weights (of depth::HeadShape's order), the tokens and their targets, of that precision.
#include <cmath>
#include <exception>
#include <string>
#include <vector>

#include "peer.h"
#include "starling/base/parallel.h"
#include "starling/optim/particle_adamw.h"
#include "starling/systems/depth/network.h"

namespace {

using namespace starling;

struct Task {
  depth::HeadShape shape;
  base::Index tokens, sequences, steps, threads;
};

template <class T>
void train(peer::Inputs inputs, const Task& task) {
  const base::ThreadLimit limit(static_cast<int>(task.threads));
  const depth::HeadShape& shape = task.shape;
  std::vector<T> weights(static_cast<std::size_t>(shape.size())), gradient(weights.size());
  std::vector<T> x(static_cast<std::size_t>(task.sequences * task.tokens * shape.width)), y(x.size());
  for (auto* part : {&weights, &x, &y}) inputs.read(std::span(*part));
  depth::Network<T> network({.shape = shape}, task.tokens, task.sequences);
  const optim::ParticleLayout layout{
      .particles = shape.layers * shape.heads, .blocks = 4, .block_size = shape.head_width * shape.width};
  // As PyTorch and optax have them, on the raw gradient.
  const optim::ParticleAdamWSpec adam{
      .beta2 = 0.999, .epsilon = 1e-8, .gradient_scale = network.spec().scale()};
  optim::ParticleAdamWState<T> state(layout, adam.second);
  for (base::Index step = 0; step < task.steps; ++step) {
    const double begin = peer::seconds(task.threads);
    const double loss = network.gradient(weights, x, y, gradient);
    optim::particle_adamw_step<T>(adam, 1e-3, layout, weights.data(), gradient.data(), state);
    peer::print_step(peer::seconds(task.threads) - begin, loss);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 11) {
    fmt::print(stderr,
               "bench_deep FILE float|double LAYERS HEADS HEAD_WIDTH WIDTH TOKENS SEQUENCES STEPS THREADS\n");
    return 2;
  }
  const auto number = [words](int i) { return bench::number(words[i]); };
  const Task task{{number(3), number(4), number(5), number(6)}, number(7), number(8), number(9), number(10)};
  try {
    if (std::string(words[2]) == "float") {
      train<float>(peer::Inputs(words[1]), task);
    } else {
      train<double>(peer::Inputs(words[1]), task);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_deep: {}\n", error.what());
    return 1;
  }
  return 0;
}
