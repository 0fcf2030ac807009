#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/systems/muon/train_spec.h"

namespace starling::muon {

/// Points with labels or with numbers to predict, one of the two.
struct Sample {
  base::Points<float> inputs, targets;
  std::vector<std::int32_t> labels;

  base::Index size() const { return inputs.rows(); }
};

/// Columns as (value - mean) / deviation; a constant column has deviation 1.
struct Scale {
  base::Vector<float> mean, deviation;

  void apply(base::Points<float>& columns) const;
  void undo(base::Points<float>& columns) const;
};

/// What is learned from and what is held out, scaled by the training points alone.
class TrainProblem {
 public:
  /// Error{input} for what load_dataset refuses and fewer than four points; Error{usage} without a path, or
  /// without labels or targets.
  explicit TrainProblem(const TrainSpec& spec);

  bool classifies() const { return classes_ > 0; }
  base::Index inputs() const { return training_.inputs.cols(); }
  base::Index outputs() const { return classifies() ? classes_ : training_.targets.cols(); }
  const Sample& training() const { return training_; }
  const Sample& held_out() const { return held_out_; }
  const Scale& input_scale() const { return input_scale_; }
  const Scale& target_scale() const { return target_scale_; }

  /// The batch of a step: epochs without replacement, each in an order of its own; a function of (seed,
  /// step).
  void draw(std::int64_t step, base::Index batch, Sample& out) const;

 private:
  std::uint64_t seed_;
  std::int32_t classes_ = 0;
  Sample training_, held_out_;
  Scale input_scale_, target_scale_;
};

}  // namespace starling::muon
