#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

// Time marching: the domain's time in equal windows, one after another, each with parameters of its own.
// Parameters of a whole solution are those of all windows, one set after another.

/// The number of the axis t. Error{usage} that opens with `key` for a system without one.
std::size_t time_axis(const System& system, const char* key);

/// The same system on window `number` of `count` of its time, closed on both sides.
System within_window(const System& system, std::int64_t count, std::int64_t number);

/// The window that a time belongs to, the later one of two; times outside belong to the first or last.
std::int64_t window_of(const System& system, std::int64_t count, double t);

/// The nodes that a window takes over from the one before: every unknown with a derivative in t among the
/// equations, and its derivatives in t below the highest. They are made in the system's graph.
///
/// Error{usage} where a system cannot be marched in `count` windows: no axis t, no derivative in t, t
/// periodic, a condition at a time that is not the first, a learned coefficient, measurements.
std::vector<int> carried_nodes(System& system, std::int64_t count, bool measured);

}  // namespace starling::pinn
