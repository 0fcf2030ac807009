#pragma once
#include <optional>
#include <string>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/study/store.h"

namespace starling::study {

// Judgements: pure functions from what a store holds to a claim with its value, interval and verdict. They
// measure nothing. What is missing, or was lost to NaN, is inconclusive with a note that says so.

/// A value that must be at most `most`; NaN is inconclusive.
Claim judge_limit(Claim claim, double value, double most);

/// A share with its interval: holds when the interval is above `least`, fails when it is below, inconclusive
/// when it holds `least`, with `remedy` in the note.
Claim judge_share(Claim claim, const math::MeanInterval& share, double least, const std::string& remedy);

/// The metric `name` of task claim.id against a limit: holds when it is at most `most`, fails beyond.
Claim judge_limit(Claim claim, const Store& store, const std::string& name, double most);

/// A share with its interval, the metric `name` of task claim.id: holds when the interval is above `least`,
/// fails when it is below, inconclusive when it holds `least`.
Claim judge_share(Claim claim, const Store& store, const std::string& name, double least);

/// A series of positive values over sizes N (its steps), and the exponent e that theory compares with.
struct Decay {
  std::string task{}, series{};
  double exponent = 0;
};

/// The slope of log value in log N with its Student and bootstrap intervals, and the slopes between
/// neighbours.
struct DecayFit {
  std::vector<double> log_sizes, log_values, local;
  math::SlopeFit student, bootstrap;

  /// The slope over the larger half of the sizes.
  double late() const;

  /// The line through the local slopes with its 95% Student interval, read at the size that is as many
  /// doublings beyond the largest as were measured. Infinite bounds with fewer than four sizes.
  math::MeanInterval projected() const;
};

/// Empty with fewer than three sizes, or when a value is not positive and finite.
std::optional<DecayFit> fit_decay(const Store& store, const Decay& decay);

/// The bound "value = O(N^e)", which speaks of large N. Holds when the Student interval of the slope and
/// DecayFit::late() are at or below e. Fails when that interval and the whole of DecayFit::projected() are
/// above e. Else inconclusive; the note says which was lacking, and gives the local slopes.
Claim judge_decay(Claim claim, const Store& store, const Decay& decay);

/// The statement "over these sizes, value falls slower than N^e": holds when the interval is above e, fails
/// when it is below.
Claim judge_slower(Claim claim, const Store& store, const Decay& decay);

}  // namespace starling::study
