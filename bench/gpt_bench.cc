// Processor seconds of training steps of a GPT, each on a line: what depth_rivals.py races.
//   bench_gpt LAYERS WIDTH HEADS CONTEXT BATCH VOCABULARY STEPS
#include <fmt/format.h>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/nets/gpt.h"
#include "starling/optim/adamw.h"
#include "starling/optim/schedule.h"
#include "timing.h"

using namespace starling;

int main(int count, char** words) {
  if (count != 8) {
    fmt::print(stderr, "bench_gpt LAYERS WIDTH HEADS CONTEXT BATCH VOCABULARY STEPS\n");
    return 2;
  }
  const auto number = [words](int i) { return bench::number(words[i]); };
  const base::ThreadLimit one(1);
  const base::FlushDenormals flush;
  const base::Index context = number(4), batch = number(5), vocabulary = number(6);
  const nets::Gpt<float> net({.vocabulary = vocabulary,
                              .context = context,
                              .layers = number(1),
                              .heads = number(3),
                              .width = number(2)});
  std::vector<float> parameters(static_cast<std::size_t>(net.parameter_count())), gradient(parameters.size());
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(context * batch)), targets(tokens.size());
  std::vector<double> each(tokens.size());
  base::Stream stream(1, 0, "bench");
  net.initialise(stream, parameters);
  for (auto* part : {&tokens, &targets}) {
    for (auto& token : *part)
      token = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(vocabulary)));
  }
  nets::Gpt<float>::Workspace workspace;
  optim::AdamWState<float> state(parameters.size());
  const optim::AdamWSpec adam{.beta2 = 0.99, .decay = 0.1};
  for (base::Index step = 0; step < number(7); ++step) {
    const double begin = bench::process_seconds();
    net.loss(parameters, tokens, targets, batch, workspace, each);
    net.backward(parameters, tokens, workspace, gradient);
    optim::clip_norm<float>(gradient, 1);
    optim::adamw_step<float>(adam, 1e-3, parameters, gradient, state);
    fmt::print("{:.9f}\n", bench::process_seconds() - begin);
  }
  return 0;
}
