#pragma once
#include <span>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/systems/pinn/bound.h"
#include "starling/systems/pinn/residual.h"

namespace starling::pinn {

/// Norms in H^s of a node of the system's graph for a network, cut off smoothly: it is left as it is on the
/// domain and falls to 0 over one more length of it on every side (by 1/(1 + exp(1/(1-t) - 1/t)), infinitely
/// smooth). One of the functions that agree with the node on the domain, so an upper bound of the least norm
/// of such, which is what the bound needs. One number for every entry of `orders`. Empty for more than two
/// axes, or without a domain.
std::vector<double> windowed_norms(const System& system, int node, const nets::JetNetwork& network,
                                   std::span<const double> parameters, std::span<const double> orders);

/// The smallest whole s with a kernel constant in d dimensions, 1 for d = 1 and 2 for d = 2 or 3.
double least_smoothness(std::size_t axes);

/// For residuals |r| <= M, with probability 1 - δ, E r² <= mean r² + 4 M R_n + 3 M² √(ln(2/δ)/(2n))
/// (contraction: Ledoux & Talagrand, 1991; McDiarmid, 1989): the two summands after the mean. Vacuous once it
/// exceeds M².
struct GapBound {
  double complexity_part = 0, confidence_part = 0;
  double total() const { return complexity_part + confidence_part; }
};
GapBound gap_bound(double complexity, double largest, double n, double delta = 0.05);

/// With probability 1 - δ, E z <= mean + √(2 V ln(2/δ)/n) + 7 M ln(2/δ)/(3 (n-1)) for n independent z in [0,
/// M] that no training saw, V their sample variance (Maurer & Pontil, COLT 2009, Theorem 4). `largest` is M.
/// Error{usage} for fewer than two values.
double bernstein_bound(std::span<const double> values, double largest, double delta = 0.05);

}  // namespace starling::pinn
