#pragma once
#include <vector>

#include "starling/base/matrix.h"

namespace starling::drift {

/// The field of the authors' released trainer: distances in units of their mean, several temperatures, every
/// temperature's field scaled to unit mean square.
struct ReleaseSpec {
  std::vector<double> temperatures = {0.02, 0.05, 0.2};  ///< in units of the mean distance; each > 0
  bool affinity_floor =
      true;  ///< the released code keeps sqrt(1e-6) under every affinity: a long-range attraction
};

template <class T>
struct ReleaseResult {
  double loss;            ///< mean of drift^2: constant by construction, no monitor of progress
  base::Points<T> drift;  ///< (N, d), in scaled coordinates: Σ_R F_R / rms(F_R)
  double scale;           ///< the weighted mean distance
  std::vector<double> mean_square_fields;  ///< mean F_R^2 before scaling, one a temperature
};

/// One block: generated x (N, d), data y (M, d), optional fixed negatives (K, d) with weights (K; empty: all
/// 1). A target in raw coordinates is x + drift * scale / sqrt(d). Errors as drift::velocity.
template <class T>
ReleaseResult<T> release_drift(const ReleaseSpec& spec, const base::PointsRef<T>& x,
                               const base::PointsRef<T>& y, const base::PointsRef<T>& negatives,
                               const base::Vector<T>& weights);

}  // namespace starling::drift
