#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::data {

/// Points to learn from, with labels where there are any.
struct Dataset {
  base::Points<float> points;        ///< (N, d), the file's own values, not scaled
  std::vector<std::int32_t> labels;  ///< N values in 0..classes-1, or empty
  std::int32_t classes = 0;          ///< the largest label plus one; 0 without labels
  std::vector<std::int64_t> image;   ///< {h, w} with h * w = d when each point is a grey image, else empty
  std::string source;                ///< the path that was read
};

/// What to read.
struct DatasetRequest {
  std::string path;            ///< a file, or a folder of PNG files
  std::string points_key{};    ///< npz: the array of points; default: the first with two or more subscripts
  std::string labels_key{};    ///< npz: the labels; default: integers, one a point, named labels, y or target
  std::string label_column{};  ///< csv: the column of labels, by name or number from 1
};

/// Reads a dataset by the ending of its path:
/// - `.npy`: (N, d), or (N, h, w) which becomes (N, h * w) with `image` = {h, w};
/// - `.npz`: the same, and labels;
/// - `.csv`, `.tsv`: one point a row; labels that are not all integers number the distinct words in sorted
/// order;
/// - `.idx`, `-ubyte`: as npy; for X-images-idx3-ubyte the labels of X-labels-idx1-ubyte beside it, when it
/// is there;
/// - a folder: its *.png in order of name, or one folder of them for each class, in order of name; all of one
/// size,
///   `image` set when they are grey.
///
/// Throws Error{usage} for an option that the format does not have, and Error{input} that names file and
/// place for a missing file, a malformed one, one without points, a wrong number of subscripts, a value that
/// is not finite as float (with its row and column, from 1), a key that is not there, labels that are not
/// integers in 0..999999 or whose number is not N.
Dataset load_dataset(const DatasetRequest& request);

}  // namespace starling::data
