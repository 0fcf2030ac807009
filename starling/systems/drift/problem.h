#pragma once
#include <cstdint>
#include <vector>

#include "starling/data/dataset.h"
#include "starling/data/toys.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// The immutable input of a training run: what is learned from, what is held out, and how values were scaled.
class Problem {
 public:
  /// Reads and splits the data. Error{input} for what load_dataset refuses, fewer than four points, or a
  /// class with fewer than two; Error{usage} when a conditional generator has no labels.
  explicit Problem(const Spec& spec);

  base::Index dimension() const { return dimension_; }
  std::int32_t classes() const { return classes_; }  ///< 1 without labels or when not conditional
  const std::vector<std::int64_t>& image() const { return image_; }
  std::int64_t duplicates() const { return duplicates_; }  ///< training points that equal an earlier one

  /// Fills `out` with training points of a class for `step`: of all of them or, with a queue, of its newest,
  /// none twice before each came once. Of a built-in set, fresh points.
  void draw(std::int32_t label, std::int64_t step, base::Stream& stream, base::Points<float>& out) const;

  /// How many different points a class has; of a built-in set, more than fit memory.
  base::Index available(std::int32_t label) const;

  /// Fills `out` with training points of any class.
  void draw_any(base::Stream& stream, base::Points<float>& out) const;

  const base::Points<float>& training() const { return training_; }
  const base::Points<float>& held_out() const { return held_out_; }
  const std::vector<std::int32_t>& training_labels() const { return training_labels_; }
  const std::vector<std::int32_t>& held_out_labels() const { return held_out_labels_; }

  /// From the network's units back to the data's.
  base::Points<float> restore(const base::Points<float>& samples) const;
  double offset() const { return offset_; }
  double factor() const { return factor_; }

 private:
  void read(const Spec& spec);
  void split(const data::Dataset& all, const Spec& spec);
  std::vector<std::int64_t> candidates(std::int32_t label, std::int64_t step) const;

  Source source_;
  QueueSpec queue_;
  std::uint64_t seed_;
  base::Index dimension_ = 2;
  std::int32_t classes_ = 1;
  std::vector<std::int64_t> image_;
  std::int64_t duplicates_ = 0;
  double offset_ = 0, factor_ = 1;  // data = offset + factor * network units
  base::Points<float> training_, held_out_;
  std::vector<std::int32_t> training_labels_, held_out_labels_;
  std::vector<std::vector<std::int64_t>> members_;  // rows of each class
};

}  // namespace starling::drift
