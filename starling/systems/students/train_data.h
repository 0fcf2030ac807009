#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "starling/systems/students/train_spec.h"

namespace starling::students {

/// Samples with what the data say of them, in the networks' units.
struct Samples {
  base::Points<double> x;            ///< (N, d)
  base::Points<double> targets;      ///< (N, o); without rows when the data have none
  std::vector<std::int32_t> labels;  ///< N, or empty
};

/// The input of a compression, split: what is fitted, and what is held out to judge by.
struct TrainData {
  Samples training, held_out;
  std::int32_t classes = 0;       ///< 0 without labels
  double offset = 0, factor = 1;  ///< data = offset + factor * the networks' input
  std::string source;             ///< a path, or "normal draws"
};

/// Reads and splits the input. Targets are those of the file `input.targets`, else of labels: 1 for the class
/// and 0 for the others, minus the classes' shares in the training part. `dimension` is that of normal draws.
/// Error{input} for what load_dataset refuses, fewer than 8 points, targets of another number of rows or that
/// are not finite, or one class only; Error{usage} when there are labels and targets missing that the spec
/// needs.
TrainData load_train_data(const TrainSpec& spec, base::Index dimension);

/// The class of each row of outputs: its largest.
std::vector<std::int32_t> predicted_classes(const base::Points<double>& outputs);

}  // namespace starling::students
