#pragma once
#include <cstddef>
#include <span>

#include "starling/kernels/small_shape.h"
#include "starling/math/minimax_polynomial.h"
#include "starling/simd/lane_vector.h"

namespace starling::kernels {

/// Whether a batch of such matrices goes faster with one matrix in every lane than each by itself.
bool suits_lanes(SmallShape shape, std::ptrdiff_t count);

/// What one thread works in.
template <class T>
class LaneWorkspace {
 public:
  explicit LaneWorkspace(SmallShape shape);

 private:
  template <class>
  friend struct LaneParts;
  SmallShape shape_;
  simd::AlignedVector<T> numbers_;
};

/// As regularise_small and newton_schulz_small, with one matrix in every lane. What comes of a matrix does
/// not depend on its neighbours, nor on where a batch is cut.
template <class T>
void regularise_lanes(std::ptrdiff_t count, const T* in, const T* epsilon, const math::MinimaxTable& table,
                      T* out, T* lower, LaneWorkspace<T>& workspace);
template <class T>
void newton_schulz_lanes(std::ptrdiff_t count, const T* in, double safety, double cushion,
                         std::span<const math::OddQuintic> steps, T* out, bool* finite,
                         LaneWorkspace<T>& workspace);

}  // namespace starling::kernels
