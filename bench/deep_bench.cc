// Processor seconds of training steps (gradient and AdamW) of a deep network of attention heads, each on a
// line: what deep_rivals.py races.
//   bench_deep float|double LAYERS HEADS HEAD_WIDTH WIDTH TOKENS SEQUENCES STEPS
#include <fmt/format.h>
#include <cmath>
#include <string>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/optim/particle_adamw.h"
#include "starling/systems/depth/network.h"
#include "timing.h"

namespace {

using namespace starling;

template <class T>
void race(const depth::HeadShape& shape, base::Index tokens, base::Index sequences, base::Index steps) {
  std::vector<T> weights(static_cast<std::size_t>(shape.size())), gradient(weights.size());
  std::vector<T> x(static_cast<std::size_t>(sequences * tokens * shape.width)), y(x.size());
  base::Stream stream(1, 0, "bench");
  stream.fill_normal(std::span<T>(weights));
  for (T& w : weights) w *= T(0.3);
  stream.fill_normal(std::span<T>(x));
  stream.fill_normal(std::span<T>(y));
  depth::Network<T> network({.shape = shape}, tokens, sequences);
  const optim::ParticleLayout layout{
      .particles = shape.layers * shape.heads, .blocks = 4, .block_size = shape.head_width * shape.width};
  const optim::ParticleAdamWSpec adam;
  optim::ParticleAdamWState<T> state(layout, adam.second);
  for (base::Index step = 0; step < steps; ++step) {
    const double begin = bench::process_seconds();
    network.gradient(weights, x, y, gradient);
    optim::particle_adamw_step<T>(adam, 1e-3, layout, weights.data(), gradient.data(), state);
    fmt::print("{:.9f}\n", bench::process_seconds() - begin);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 9) {
    fmt::print(stderr, "bench_deep float|double LAYERS HEADS HEAD_WIDTH WIDTH TOKENS SEQUENCES STEPS\n");
    return 2;
  }
  const auto number = [words](int i) { return bench::number(words[i]); };
  const base::ThreadLimit one(1);
  const depth::HeadShape shape{number(2), number(3), number(4), number(5)};
  if (std::string(words[1]) == "float") {
    race<float>(shape, number(6), number(7), number(8));
  } else {
    race<double>(shape, number(6), number(7), number(8));
  }
  return 0;
}
