#pragma once
#include <span>
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

/// x_0, ..., x_L of one sequence.
std::vector<std::vector<double>> tokens_over_depth(const NetworkSpec& network,
                                                   const std::vector<double>& weights, Index tokens,
                                                   const std::vector<double>& x);

/// An animation of the first two coordinates of such tokens, with `targets` of the same width in grey, unless
/// empty.
void record_tokens(study::Store& store, const std::string& id, const std::string& title,
                   const std::vector<std::vector<double>>& path, Index width,
                   std::span<const double> targets);

/// A map of who attends to whom in one layer, the mean over its heads, at tokens x.
void record_attention(study::Store& store, const std::string& id, const std::string& title,
                      const NetworkSpec& network, const std::vector<double>& weights, Index layer,
                      const std::vector<double>& x, Index tokens);

}  // namespace starling::depth
