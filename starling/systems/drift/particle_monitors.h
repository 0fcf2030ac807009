#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/cloud_measures.h"
#include "starling/systems/drift/particle_method.h"

namespace starling::drift {

/// What a cloud of particles is judged by. The first two measures have a floor: the same distance for as many
/// draws of the law itself, the mean over five draws.
///
/// Of a cloud of more than `watch.sample` particles the first so many are looked at, draws as good as any,
/// and what reads all pairs of the cloud is left out: it would take longer than a move.
class ParticleJudge {
 public:
  ParticleJudge(const ParticlesSpec& spec, const ParticleMethod& method);

  /// The measures of the cloud x with velocity v after `step` moves.
  Measures measure(const base::Points<double>& x, const base::Points<double>& v, std::int64_t step) const;
  const Measures& floors() const { return floors_; }

  /// What is wrong with a cloud of these measures, one sentence each; that it is far from the data only of
  /// the last.
  std::vector<std::string> warnings(const Measures& measures, bool last) const;

 private:
  bool is_whole(const base::PointsRef<double>& x) const { return x.rows() <= spec_.watch.sample; }
  base::PointsRef<double> looked_at(const base::PointsRef<double>& x) const {
    return x.topRows(std::min<base::Index>(x.rows(), spec_.watch.sample));
  }
  Measures distances(const base::PointsRef<double>& x) const;
  void add_kernel_measures(const base::Points<double>& x, std::int64_t step, Measures& out) const;
  void add_objectives(const base::Points<double>& x, std::int64_t step, Measures& out) const;
  double seen_data(const base::PointsRef<double>& x, double scale) const;

  const ParticlesSpec& spec_;
  const ParticleMethod& method_;
  base::Points<double> slices_;
  Measures floors_;
};

/// Figures and final metrics of a finished run, from the series of `task` in the store.
void record_particle_report(const ParticlesSpec& spec, const ParticleMethod& method,
                            const ParticleJudge& judge, const base::Points<double>& last,
                            const std::string& task, study::Store& store);

}  // namespace starling::drift
