#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/study/task_grid.h"
#include "starling/systems/drift/claims.h"

namespace starling::drift {

/// What one start gives, by quantity.
using Samples = std::map<std::string, double>;

/// One family of measurements in all dimensions: which sizes, how often, and what one start of N points in d
/// dimensions gives. Starts run in parallel.
struct Protocol {
  std::string id;
  std::string words;  ///< for titles and statements
  bool uses_beta = false, repeated = true;
  std::optional<double> own_exponent{};  ///< where it is not that of the balance with N^(-1 / (d + 4 - beta))
  const std::vector<std::int64_t> StudySpec::*sizes = &StudySpec::particles;
  std::function<void(const Protocol&, const StudySpec&, base::Index n, base::Index d, std::int64_t start,
                     Samples&)>
      take;

  std::string task(base::Index d) const;
  double beta(const StudySpec& spec) const { return uses_beta ? spec.beta : 0; }
  double bandwidth(const StudySpec& spec, base::Index n, base::Index d) const;  ///< N^(-1 / (d + 4 - beta))
  /// -(2 - beta) / (2 (d + 4 - beta)), at beta = 0 -1 / (d + 4), or its own.
  double exponent(const StudySpec& spec, base::Index d) const;
};

// Towards N(0, I) with its exact smoothed score: "smoothed fisher", "centre velocity", "self term" at the
// horizon, and "mean centre velocity" over time.
extern const Protocol noiseless, independent, independent_beta;
// "self term" of independent points that do not move.
extern const Protocol uniform_law, normal_law;
// "variance error" of a normal against its closed dynamics, squared.
extern const Protocol closed_dynamics;

/// The tasks that measure a protocol in d dimensions, one for each size.
std::vector<study::Task> tasks_of(const Protocol& protocol, base::Index d, const StudySpec& spec);

/// Records, once, the series of protocol.task(d) over N: for each quantity "root NAME", the root of its mean
/// over starts, and with two starts or more "half width of root NAME", of a 95% Student interval.
void ensure_measured(const Protocol& protocol, base::Index d, const StudySpec& spec, study::Store& store);

}  // namespace starling::drift
