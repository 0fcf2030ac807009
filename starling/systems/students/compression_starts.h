#pragma once
#include <string>

#include "starling/base/random.h"
#include "starling/systems/students/network.h"

namespace starling::students {

/// How the search for a small network begins.
enum class StartKind {
  merged,     ///< the two neurons whose merging costs least become one, until n are left
  copies,     ///< the n neurons of largest influence |a_j|² Var σ_j, as they are
  clustered,  ///< k-means of the neurons (w, bias), each weighing |a|; every cluster its weighted mean
  random      ///< directions at random, of the teacher's mean length
};
std::string name_of(StartKind kind);

/// Start number i: merged, copies, then clustered and random in turn.
StartKind kind_of_start(std::int64_t i);

/// What the starts are made from: the wide network, and where and what the small one has to answer.
struct Target {
  const Network& teacher;
  const base::Points<double>& x;  ///< (N, d)
  const base::Points<double>& y;  ///< (N, o)
  Biases biases = Biases::free;
};

/// A student of n neurons, its outgoing weights the best for its hidden ones. `stream` is drawn from by
/// clustered and random alone. Theory behind the first three: the best student of fewer neurons copies some
/// teachers and averages the others (arXiv:2311.01644). Error{usage} unless 1 <= n <= k.
Network make_start(StartKind kind, base::Index n, const Target& target, base::Stream& stream);

}  // namespace starling::students
