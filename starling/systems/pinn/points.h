#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/base/random.h"
#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

/// Values of nodes that read coordinates alone, at points (n, axes): node after node.
std::vector<double> evaluate(const System& system, const std::vector<int>& nodes,
                             std::span<const double> points);

/// Whether a point lies inside one of the system's holes; their edges are none of theirs.
bool within_hole(const System& system, std::span<const double> point);

/// `count` points (count, axes) spread evenly over the domain less its holes: Halton's sequence (1960), moved
/// as a whole by a random shift (Cranley & Patterson, 1976). Error{usage} without a domain, and for holes
/// that leave hardly anything.
std::vector<double> interior_points(const System& system, std::int64_t count, base::Stream stream);

/// The same over the part of the boundary where a condition holds; one point when it holds all axes.
/// Error{usage} when its places leave hardly anything.
std::vector<double> condition_points(const System& system, const Condition& condition, std::int64_t count,
                                     base::Stream stream);

/// A grid of `per_axis` values of every free axis from one end of the domain to the other, but for the
/// points within holes; the axes that `held` fixes stay there.
std::vector<double> grid_points(const System& system, std::int64_t per_axis);

/// `count` different numbers below sizes.size(), i with a weight of sizes[i]^power / mean + offset
/// (Efraimidis & Spirakis, 2006), in ascending order.
std::vector<std::size_t> draw_by_size(std::span<const double> sizes, std::size_t count, double power,
                                      double offset, base::Stream stream);

}  // namespace starling::pinn
