// A step allocates nothing.
#include <gtest/gtest.h>

#include "counted_allocations.h"
#include "starling/base/parallel.h"
#include "starling/nets/gpt.h"

#ifdef STARLING_COUNTS_ALLOCATIONS

namespace starling::nets {
namespace {

TEST(Gpt, AllocatesNothingInAStep) {
  const base::ThreadLimit one(1);  // the scheduler of more threads needs memory of its own
  // Products of more than a million multiplications: OpenBLAS's kernels for fewer take memory of their own.
  const Gpt<float> net(
      {.vocabulary = 50, .context = 128, .layers = 2, .heads = 1, .width = 64, .bias = true});
  std::vector<float> parameters(static_cast<std::size_t>(net.parameter_count())), gradient(parameters.size());
  base::Stream stream(1, 0, "test");
  net.initialise(stream, parameters);
  const std::vector<std::int32_t> tokens(1280, 3);
  std::vector<double> each(tokens.size());
  Gpt<float>::Workspace workspace;
  const auto step = [&] {
    net.loss(parameters, tokens, tokens, 10, workspace, each);
    net.backward(parameters, tokens, workspace, gradient);
  };
  step();
  const long before = counted::allocations;
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(counted::allocations - before, 0);
}

}  // namespace
}  // namespace starling::nets

#endif
