#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/base/random.h"

namespace starling::data {

/// The user's data: points, and perhaps a class of each.
struct Dataset {
  base::Points<float> points;        ///< (N, d)
  std::vector<std::int32_t> labels;  ///< (N), or empty
  std::int32_t classes = 0;          ///< 1 + the largest label, or 0
  std::vector<std::int64_t> image;   ///< {height, width} when each point is an image, else empty
};

/// Which file, and which parts of it.
struct DatasetRequest {
  std::string path;          ///< .npy, .npz, .csv, an IDX file, or a folder of PNG of one size
  std::string points_key;    ///< npz: the array of points; empty: "images", "x", "data", or the first with two or more axes
  std::string labels_key;    ///< npz: the labels; empty: "labels", "y" or "target" when there
  std::string label_column;  ///< csv: the name of the column of labels; empty: none
};

/// Reads and checks a dataset. Error{input} names the file and what is wrong: missing, empty, not numeric, not finite (row and
/// column), a wrong number of axes, labels that do not fit.
Dataset load_dataset(const DatasetRequest& request);

enum class ToySet { checkerboard, swiss_roll, moons, eight_gaussians };

/// Fills `out` (n, 2) with draws. Checkerboard (noise 0.05) and swiss roll (noise 0.03, divided by the draw's largest
/// coordinate) as in the notebook of Deng et al.'s drifting models; moons with noise 0.05; eight Gaussians of spread 0.05
/// on the unit circle.
void sample_toy(ToySet set, base::Stream& stream, base::Points<float>& out);

}  // namespace starling::data
