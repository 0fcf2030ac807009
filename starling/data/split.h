#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "starling/base/random.h"

namespace starling::data {

/// Rows 0 to n - 1 in an order drawn from the seed: the first `held_out` are kept apart, the others are
/// learned from.
struct Split {
  std::vector<std::int64_t> order;
  std::int64_t held_out;

  /// About `share` of n rows, but at least `least_held_out`, and at least `least_training` on the other side:
  /// n must be their sum or more.
  Split(std::int64_t n, double share, std::uint64_t seed, std::int64_t least_held_out,
        std::int64_t least_training)
      : order(static_cast<std::size_t>(n)),
        held_out(std::clamp(static_cast<std::int64_t>(share * static_cast<double>(n)), least_held_out,
                            n - least_training)) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    base::Stream(seed, 0, "split").shuffle(order);
  }
};

}  // namespace starling::data
