#pragma once
#include <optional>
#include <string>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/study/store.h"

namespace starling::study {

/// The measure of a sweep's runs. The axis is the first swept key with several numbers; the seed's values are
/// replicates; every combination of the other keys' values is a curve.
struct SweepResults {
  struct Point {
    std::string position;        ///< the axis' value as it was written; empty without an axis
    std::vector<double> values;  ///< one a seed; NaN where the run diverged
    std::string divergence{};    ///< what the first run that diverged said; else empty
  };
  struct Curve {
    std::string name;
    std::vector<Point> points;  ///< of the same positions in every curve, at least one
  };

  std::string axis{};  ///< its key; empty when no key has several numbers
  std::string measure{}, unit{};
  bool maximize = false;
  std::vector<Curve> curves{};  ///< at least one
};

/// The best point of a curve by the mean over seeds, but for the seed `without`; a point where one of them
/// diverged is no candidate. Empty when none is left.
std::optional<std::size_t> best_point(const SweepResults::Curve& curve, bool maximize,
                                      std::optional<std::size_t> without = std::nullopt);

/// What each seed measures at the point that the other seeds find best: free of the bias of a choice by the
/// values that are judged. NaN where a run diverged or no point is left. With one seed its own best value.
std::vector<double> honest_scores(const SweepResults::Curve& curve, bool maximize);

/// Records the mean of every point with its Student interval over seeds, each curve's best point and score,
/// a warning where runs diverged and where the best point is the first or last of at least three, a figure,
/// and one claim for each other curve: that the best one beats it, by the paired difference of honest_scores.
void record_summary(const SweepResults& results, Store& store);

}  // namespace starling::study
