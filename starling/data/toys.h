#pragma once
#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::data {

/// Distributions in the plane. Checkerboard and swiss roll are those of the notebook of Deng et al.'s drifting models
/// (2026).
enum class ToySet {
  checkerboard,    ///< uniform on the 8 squares of a 4 x 4 board on [-1, 1]^2 whose column and row have one parity,
                   ///< plus normal noise of sd 0.05
  swiss_roll,      ///< (t cos t, t sin t), t uniform on [pi/2, 9 pi/2], over the draw's largest coordinate, plus noise 0.03
  moons,           ///< two half circles of radius 1 around (-1/2, -1/4) and (1/2, 1/4), plus noise 0.05
  eight_gaussians  ///< equal parts around 8 points of the unit circle, sd 0.05
};

/// Fills every row of `out`, shape (n, 2), with a sample; the numbers come from `stream` in row order. Throws Error{usage}
/// when `out` does not have two columns.
void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out);

}  // namespace starling::data
