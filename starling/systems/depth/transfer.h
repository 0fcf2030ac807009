#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/systems/depth/head_law.h"
#include "starling/systems/depth/training.h"

namespace starling::depth {

/// Whether a learning rate found on a shallow network serves a deep one.
struct TransferSpec {
  std::vector<Index> layers = {2, 8, 32, 128};
  std::vector<double> rates = {.0025, .005, .01, .02, .04, .08, .16, .32};
  Index heads = 4, steps = 30;
  Index replicas = 16;  ///< drawn networks of each depth, the same for every rate
  double residual_exponent = 1;
  bool causal = false;
  Optimiser optimiser{};  ///< its rate is not used
  std::uint64_t seed = 1;
};

struct TransferCurve {
  Index layers = 0;
  std::vector<double>
      losses;  ///< by rate: the median over replicas after the last step; infinite if it diverged
  double best_rate = 0;
};

/// A curve for every depth, on all threads; the bytes do not depend on their number. Error{usage} as train().
std::vector<TransferCurve> rate_transfer(const TransferSpec& spec, const HeadLaw& law, Index tokens,
                                         std::span<const double> x, std::span<const double> y);

}  // namespace starling::depth
