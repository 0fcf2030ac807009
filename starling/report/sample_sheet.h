#pragma once
#include "starling/base/matrix.h"
#include "starling/data/png.h"

namespace starling::report {

/// The values that show as black and as white; what lies beyond is clipped.
struct Tones {
  float black = 0, white = 1;
};

/// Grey images side by side, `columns` to a row, on white with gaps, each enlarged by a whole factor to at
/// least 32 pixels. `images` is (N, height * width), rows from the top. Error{usage} when that does not fit
/// or a number is not positive.
data::Image sample_sheet(const base::PointsRef<float>& images, int height, int width, int columns,
                         Tones tones = {});

}  // namespace starling::report
