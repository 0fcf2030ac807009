#include "starling/study/dataset_keys.h"

namespace starling::study {

void describe_dataset(Description& d, data::DatasetRequest& request) {
  d.text("path", request.path, "npy, npz, csv, IDX, or a folder of PNG; relative to the working directory");
  d.text("points_key", request.points_key, "npz: the array of points; empty finds it");
  d.text("labels_key", request.labels_key, "npz: the array of labels; empty finds it");
  d.text("label_column", request.label_column, "csv: the column of labels");
}

}  // namespace starling::study
