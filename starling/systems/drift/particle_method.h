#pragma once
#include <optional>

#include "starling/systems/drift/observables.h"
#include "starling/systems/drift/particles_spec.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {

/// What a particles run does not change: the data that pull, the data held out, and the velocity of a cloud.
/// In the method's units: those of the data after data.rescale.
class ParticleMethod {
 public:
  /// Reads the data. Errors: as require_consistent, Problem and bandwidth_length.
  explicit ParticleMethod(const ParticlesSpec& spec);

  base::Index dimension() const { return data_.cols(); }
  const base::Points<double>& data() const { return data_; }          ///< (M, d)
  const base::Points<double>& held_out() const { return held_out_; }  ///< never pulls
  const base::Points<double>& directions() const { return directions_; }

  base::Points<double> start() const;  ///< (N, d)

  /// v at the particles x (N, d). `step` sets the annealed scale and the noise of mmd, and nothing else.
  /// Errors as drift::velocity.
  base::Points<double> velocity(const base::PointsRef<double>& x, std::int64_t step) const;

  /// Scale number `index` of field.temperatures in these units; of `release` still a multiple of the mean
  /// distance.
  double scale(std::size_t index, std::int64_t step) const;
  std::vector<double> scales(std::int64_t step) const;  ///< all of them
  /// The target as a Gaussian of the first scale sees it.
  Target target(std::int64_t step) const;

  /// N independent draws of the law (of a file: training points without replacement, as long as they last):
  /// what perfect particles would look like.
  base::Points<double> ideal(std::uint64_t replicate) const;
  /// The same points in the units of the user's data.
  base::Points<double> restore(const base::PointsRef<double>& x) const;

 private:
  base::Points<double> drifting(const base::PointsRef<double>& x, std::int64_t step) const;
  base::Points<double> released(const base::PointsRef<double>& x, std::int64_t step) const;
  base::Points<double> score(const base::PointsRef<double>& x, std::int64_t step) const;
  base::Points<double> draw(base::Stream stream, base::Index count) const;
  bool knows_score() const { return spec_.target.law == TargetLaw::normal; }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(spec_.common.seed); }

  const ParticlesSpec& spec_;
  std::optional<Problem> problem_;  // none for the normal
  base::Points<double> data_, held_out_, directions_;
  double length_ = 1;  // what the scales of the spec are multiples of
};

}  // namespace starling::drift
