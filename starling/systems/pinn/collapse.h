#pragma once
#include <vector>

#include "starling/nets/jet_streams.h"
#include "starling/systems/pinn/expression.h"

namespace starling::pinn {

/// Roots of a graph, in which sums of derivatives are symbols of kind Symbol::Kind::sum.
struct Collapsed {
  Graph graph;
  std::vector<int> roots;
  std::vector<std::vector<nets::StreamPart>> sums;
};

/// Gathers what a root reads of an unknown with constant coefficients only, such as u_t - nu*u_xx, in one
/// symbol where that takes fewer streams through the network: a sum is one stream, and brings along the lower
/// derivatives that its summands are made of. Values change by rounding alone. A laplacian() is along the
/// first `space` axes.
Collapsed collapse(const Graph& graph, const std::vector<int>& roots, int space);

}  // namespace starling::pinn
