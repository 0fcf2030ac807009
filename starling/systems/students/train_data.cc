#include "starling/systems/students/train_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/atomic_file.h"
#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/dataset.h"
#include "starling/data/npy.h"
#include "starling/data/split.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

std::uint64_t seed_of(const TrainSpec& spec) {
  return static_cast<std::uint64_t>(spec.common.seed);
}

// All points before the split.
struct Whole {
  Samples samples;
  std::int32_t classes = 0;
};

Points<double> read_targets(const std::string& path, Index rows) {
  const data::Array array = data::parse_npy(base::read_file(path), path);
  const std::size_t extents = array.shape.size();
  if (extents < 1 || extents > 2 || array.shape[0] != rows || array.values.empty()) {
    throw Error(ErrorKind::input,
                fmt::format("{}: {} subscripts and {} numbers; expected targets for {} points: (points) or "
                            "(points, outputs)",
                            path, extents, array.values.size(), rows));
  }
  const auto bad = std::ranges::find_if_not(array.values, [](double v) { return std::isfinite(v); });
  if (bad != array.values.end()) {
    throw Error(ErrorKind::input, fmt::format("{}: number {} is {}; expected finite numbers", path,
                                              bad - array.values.begin() + 1, *bad));
  }
  return Eigen::Map<const Points<double>>(array.values.data(), rows,
                                          static_cast<Index>(array.values.size()) / rows);
}

Whole read(const TrainSpec& spec, TrainData& out) {
  const InputSpec& input = spec.input;
  data::Dataset all = data::load_dataset(input.file);
  Whole whole;
  out.source = input.file.path;
  whole.samples.x = all.points.cast<double>();
  if (input.rescale == Rescale::unit) {
    const double low = whole.samples.x.minCoeff(), high = whole.samples.x.maxCoeff();
    out.offset = (low + high) / 2;
    out.factor = high > low ? (high - low) / 2 : 1;
    whole.samples.x.array() = (whole.samples.x.array() - out.offset) / out.factor;
  }
  if (!input.targets.empty()) {
    whole.samples.targets = read_targets(input.targets, whole.samples.x.rows());
  } else {
    whole.samples.labels = std::move(all.labels);
    whole.classes = all.classes;
  }
  if (whole.classes == 1)
    throw Error(ErrorKind::input,
                fmt::format("{}: all labels are 0; expected at least 2 classes", input.file.path));
  return whole;
}

Samples part(const Samples& all, const std::vector<std::int64_t>& order, Index begin, Index end) {
  Samples out;
  out.x.resize(end - begin, all.x.cols());
  out.targets.resize(all.targets.rows() > 0 ? end - begin : 0, all.targets.cols());
  for (Index i = begin; i < end; ++i) {
    const Index from = order[static_cast<std::size_t>(i)];
    out.x.row(i - begin) = all.x.row(from);
    if (all.targets.rows() > 0) out.targets.row(i - begin) = all.targets.row(from);
    if (!all.labels.empty()) out.labels.push_back(all.labels[static_cast<std::size_t>(from)]);
  }
  return out;
}

void set_class_targets(Samples& samples, const Eigen::RowVectorXd& shares) {
  samples.targets = (-shares).replicate(samples.x.rows(), 1);
  for (Index i = 0; i < samples.x.rows(); ++i)
    samples.targets(i, samples.labels[static_cast<std::size_t>(i)]) += 1;
}

void set_class_targets(TrainData& data) {
  Eigen::RowVectorXd shares = Eigen::RowVectorXd::Zero(data.classes);
  for (const std::int32_t label : data.training.labels) shares[label] += 1;
  shares /= static_cast<double>(data.training.labels.size());
  set_class_targets(data.training, shares);
  set_class_targets(data.held_out, shares);
}

}  // namespace

TrainData load_train_data(const TrainSpec& spec, Index dimension) {
  TrainData data;
  Whole whole;
  if (spec.input.source == InputSource::normal) {
    data.source = "normal draws";
    whole.samples.x.resize(spec.input.count, dimension);
    base::Stream stream(seed_of(spec), 0, "normal input");
    stream.fill_normal(
        std::span<double>(whole.samples.x.data(), static_cast<std::size_t>(whole.samples.x.size())));
  } else {
    whole = read(spec, data);
  }
  const Index n = whole.samples.x.rows();
  if (n < 8)
    throw Error(ErrorKind::input,
                fmt::format("{}: {} points; expected at least 8 to fit and to hold out", data.source, n));
  const bool needs_targets =
      spec.teacher.source == TeacherSource::fit || spec.student.answers == Answers::data;
  if (needs_targets && whole.classes == 0 && whole.samples.targets.rows() == 0) {
    throw Error(ErrorKind::usage,
                fmt::format("{} has no labels; name them with input.labels_key or input.label_column, give "
                            "input.targets, or read a teacher from a file",
                            data.source));
  }
  const data::Split drawn(n, spec.input.holdout, seed_of(spec), 2, 4);
  data.held_out = part(whole.samples, drawn.order, 0, drawn.held_out);
  data.training = part(whole.samples, drawn.order, drawn.held_out, n);
  data.classes = whole.classes;
  if (data.classes > 0) set_class_targets(data);
  return data;
}

std::vector<std::int32_t> predicted_classes(const Points<double>& outputs) {
  std::vector<std::int32_t> out;
  for (Index i = 0; i < outputs.rows(); ++i) {
    Index largest = 0;
    outputs.row(i).maxCoeff(&largest);
    out.push_back(static_cast<std::int32_t>(largest));
  }
  return out;
}

}  // namespace starling::students
