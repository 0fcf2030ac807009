// Seconds and losses of training steps of a GPT, a line each: what bench/peers races.
//   bench_gpt FILE LAYERS WIDTH HEADS CONTEXT BATCH VOCABULARY STEPS THREADS
// FILE holds the parameters (float32, in the order of Gpt::blocks), then tokens and targets (int32).
#include <exception>
#include <numeric>
#include <vector>

#include "peer.h"
#include "starling/base/parallel.h"
#include "starling/nets/gpt.h"
#include "starling/optim/adamw.h"
#include "starling/optim/schedule.h"

namespace {

using namespace starling;

struct Task {
  nets::GptSpec spec;
  base::Index batch, steps, threads;
};

void train(peer::Inputs inputs, const Task& task) {
  const base::ThreadLimit limit(static_cast<int>(task.threads));
  const base::FlushDenormals flush;
  const nets::Gpt<float> net(task.spec);
  std::vector<float> parameters(static_cast<std::size_t>(net.parameter_count())), gradient(parameters.size());
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(task.spec.context * task.batch)),
      targets(tokens.size());
  std::vector<double> each(tokens.size());
  inputs.read(std::span(parameters));
  inputs.read(std::span(tokens));
  inputs.read(std::span(targets));
  nets::Gpt<float>::Workspace workspace;
  optim::AdamWState<float> state(parameters.size());
  const optim::AdamWSpec adam{.beta2 = 0.99, .decay = 0.1};
  for (base::Index step = 0; step < task.steps; ++step) {
    const double begin = peer::seconds(task.threads);
    net.loss(parameters, tokens, targets, task.batch, workspace, each);
    net.backward(parameters, tokens, workspace, gradient);
    optim::clip_norm<float>(gradient, 1);
    optim::adamw_step<float>(adam, 1e-3, parameters, gradient, state);
    const double end = peer::seconds(task.threads);
    peer::print_step(end - begin,
                     std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(each.size()));
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 10) {
    fmt::print(stderr, "bench_gpt FILE LAYERS WIDTH HEADS CONTEXT BATCH VOCABULARY STEPS THREADS\n");
    return 2;
  }
  const auto number = [words](int i) { return bench::number(words[i]); };
  const nets::GptSpec spec{.vocabulary = number(7),
                           .context = number(5),
                           .layers = number(2),
                           .heads = number(4),
                           .width = number(3)};
  try {
    train(peer::Inputs(words[1]), {spec, number(6), number(8), number(9)});
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_gpt: {}\n", error.what());
    return 1;
  }
  return 0;
}
