#pragma once
#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::data {

/// Distributions in the plane with known shape, after the toy sets of the flow literature (Grathwohl et al.,
/// "FFJORD", ICLR 2019) and scikit-learn.
enum class ToySet {
  checkerboard,  ///< uniform on the 8 squares of a 4 x 4 board on [-2, 2]^2 whose column and row add up to
                 ///< even
  swiss_roll,  ///< (t cos t, t sin t) / 5 with t = 3 pi / 2 (1 + 2 u), u uniform, plus normal noise of sd 0.1
  moons,       ///< two half circles of radius 1, one shifted by (1, 1/2), plus normal noise of sd 0.05
  eight_gaussians  ///< equal parts around 8 points on the circle of radius 2, sd 0.1
};

/// Fills every row of `out`, shape (n, 2), with an independent sample; the numbers come from `stream` in row
/// order. Throws Error{usage} when `out` does not have two columns.
void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out);

}  // namespace starling::data
