#pragma once
#include <span>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::depth {

using base::Index;

/// Tokens on the sphere under attention with QᵀK = V = 1: x_i' = P_{x_i} Σ_j e^{β <x_i, x_j>} x_j / Z_i, P
/// the projection on the tangent space (Geshkovski et al., arXiv:2312.10794). x is (tokens, width); its rows
/// are scaled to length 1 first. The tokens at each of `times`, one after another; times start at 0 or later
/// and do not descend. Error{usage} for a token of length 0 or bad times.
std::vector<double> cluster(std::span<const double> x, Index width, double beta,
                            std::span<const double> times);

/// 1/(2 β n²) Σ_ij e^{β <x_i, x_j>}: rises along the flow.
double cluster_energy(std::span<const double> x, Index width, double beta);

/// Clusters by single linkage of tokens with 1 - cos < `apart`.
Index count_clusters(std::span<const double> x, Index width, double apart = 1e-3);

}  // namespace starling::depth
