#pragma once
#include <map>
#include <string>
#include <vector>

#include "starling/systems/drift/problem.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// Distances of a sample to data by name: energy_distance, sliced_wasserstein, mmd, precision, recall,
/// coverage.
using Distances = std::map<std::string, double>;

/// What the samples of a generator are judged by. A comparison has a number r: of a built-in set, each has
/// fresh data to compare with; of a file, all have the held-out points.
class Judge {
 public:
  Judge(const Spec& spec, const Problem& problem);

  /// The distances of comparison r.
  Distances distances(const base::Points<double>& x, std::int64_t r) const;

  /// Data against data, `repeats` times, by name. Of a built-in set, fresh points for generated ones; of a
  /// file, all points dealt anew into a held-out part and as many others as a generator would draw. One deal
  /// can be lucky by half; several say how lucky.
  std::map<std::string, std::vector<double>> floor(std::int64_t repeats) const;

  /// The median distance of x to the training points, over that of held-out points: far below 1 is
  /// memorisation.
  double distance_to_training(const base::Points<double>& x) const;

  /// The share of samples, drawn for the labels of the held-out points, that a classifier takes for their
  /// class.
  double class_agreement(const base::Points<double>& x) const;

 private:
  Distances compare(const base::Points<double>& x, const base::Points<double>& data) const;
  base::Points<double> fresh(const char* purpose, std::int64_t r) const;
  double median_distance(const base::Points<double>& x) const;

  const Problem& problem_;
  bool endless_;  // a built-in set: new points at will
  std::uint64_t seed_;
  base::Points<double> held_out_, training_, slices_;
  double held_out_distance_ = 0;
};

}  // namespace starling::drift
