#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "starling/systems/students/critical_point.h"

namespace starling::students {

/// The ways to write k as a sum of n positive integers, each ascending: the sizes of the groups of a copy
/// average.
std::vector<std::vector<base::Index>> group_sizes(base::Index k, base::Index n);

struct ConnectionOptions {
  std::int64_t searches =
      20;  ///< Newton runs from perturbed configurations, for each of them; 0: the exact ones alone
  double perturbation = 0.2;  ///< standard deviation of each weight, > 0
  double push = 1e-3;         ///< how far a descent starts from its saddle
  std::uint64_t seed = 0;
};

/// From a saddle, along its negative directions, down to where the flow comes to rest.
struct Descent {
  std::int32_t saddle, end;  ///< positions in Connections::points
  std::int64_t ways;         ///< of the two ways along each negative direction
};

/// Critical points, one of each class, and which saddle leads where.
struct Connections {
  std::vector<CriticalPoint> points;  ///< by loss
  std::vector<Descent> descents;      ///< by saddle, then by end
};

/// Critical points of n students against k orthonormal teachers in d dimensions, found without sampling
/// flows: every copy average, the perturbed copy where there is one, and what Newton's method finds, whatever
/// its index, from random perturbations of these. Then the gradient flow down from each saddle, both ways
/// along each of its negative directions. A function of the arguments alone. Error{usage} unless 1 <= n <= k
/// <= d, and for an activation without a finite single neuron; Error{interrupted} once `watch` returns false.
Connections find_connections(base::Index n, base::Index k, base::Index d, Activation activation,
                             const ConnectionOptions& options = {}, const std::function<bool()>& watch = {});

}  // namespace starling::students
