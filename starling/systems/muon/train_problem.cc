#include "starling/systems/muon/train_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/data/dataset.h"
#include "starling/data/split.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;

Scale scale_of(const Points<float>& columns) {
  Scale scale{base::Vector<float>::Zero(columns.cols()), base::Vector<float>::Ones(columns.cols())};
  const double n = static_cast<double>(columns.rows());
  for (Index k = 0; k < columns.cols(); ++k) {
    double mean = 0, squares = 0;
    for (Index i = 0; i < columns.rows(); ++i) mean += static_cast<double>(columns(i, k)) / n;
    for (Index i = 0; i < columns.rows(); ++i) {
      const double away = static_cast<double>(columns(i, k)) - mean;
      squares += away * away / n;
    }
    scale.mean[k] = static_cast<float>(mean);
    if (squares > 0) scale.deviation[k] = static_cast<float>(std::sqrt(squares));
  }
  return scale;
}

void copy_row(const Sample& from, Index row, Sample& to, Index at) {
  to.inputs.row(at) = from.inputs.row(row);
  if (from.targets.cols() > 0) to.targets.row(at) = from.targets.row(row);
  if (!from.labels.empty())
    to.labels[static_cast<std::size_t>(at)] = from.labels[static_cast<std::size_t>(row)];
}

void resize_like(const Sample& from, Index rows, Sample& to) {
  to.inputs.resize(rows, from.inputs.cols());
  to.targets.resize(rows, from.targets.cols());
  to.labels.resize(from.labels.empty() ? 0 : static_cast<std::size_t>(rows));
}

Sample read(const TrainData& d, std::int32_t& classes) {
  if (d.file.path.empty()) throw Error(ErrorKind::usage, "data.path is empty; expected a file of points");
  data::Dataset all = data::load_dataset(d.file);
  const Index n = all.points.rows(), columns = all.points.cols();
  if (n < 4)
    throw Error(ErrorKind::input,
                fmt::format("{}: {} points; expected at least 4 to train and to hold out", d.file.path, n));
  if (d.target_columns > 0) {
    if (d.target_columns >= columns) {
      throw Error(ErrorKind::usage,
                  fmt::format("data.target_columns = {}: {} has {} columns; expected at least one "
                              "column that is no target",
                              d.target_columns, d.file.path, columns));
    }
    return {all.points.leftCols(columns - d.target_columns), all.points.rightCols(d.target_columns), {}};
  }
  if (all.labels.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("{} has no labels; name them with data.labels_key or data.label_column, or set "
                            "data.target_columns to the number of last columns to predict",
                            d.file.path));
  }
  if (all.classes < 2)
    throw Error(ErrorKind::input, fmt::format("{}: one class; expected at least two", d.file.path));
  classes = all.classes;
  return {std::move(all.points), Points<float>(n, 0), std::move(all.labels)};
}

}  // namespace

void Scale::apply(Points<float>& columns) const {
  for (Index i = 0; i < columns.rows(); ++i) {
    for (Index k = 0; k < columns.cols(); ++k) columns(i, k) = (columns(i, k) - mean[k]) / deviation[k];
  }
}

void Scale::undo(Points<float>& columns) const {
  for (Index i = 0; i < columns.rows(); ++i) {
    for (Index k = 0; k < columns.cols(); ++k) columns(i, k) = columns(i, k) * deviation[k] + mean[k];
  }
}

TrainProblem::TrainProblem(const TrainSpec& spec) : seed_(static_cast<std::uint64_t>(spec.common.seed)) {
  const Sample all = read(spec.data, classes_);
  const Index n = all.size();
  const data::Split drawn(n, spec.data.holdout, seed_, 1, 2);
  const Index held = drawn.held_out;
  resize_like(all, held, held_out_);
  resize_like(all, n - held, training_);
  for (Index i = 0; i < n; ++i) {
    const Index from = drawn.order[static_cast<std::size_t>(i)];
    if (i < held) {
      copy_row(all, from, held_out_, i);
    } else {
      copy_row(all, from, training_, i - held);
    }
  }
  input_scale_ = scale_of(training_.inputs);
  target_scale_ = scale_of(training_.targets);
  for (Sample* part : {&training_, &held_out_}) {
    input_scale_.apply(part->inputs);
    target_scale_.apply(part->targets);
  }
}

void TrainProblem::draw(std::int64_t step, Index batch, Sample& out) const {
  resize_like(training_, batch, out);
  const Index n = training_.size();
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::int64_t shuffled = -1;
  for (Index i = 0; i < batch; ++i) {
    const std::int64_t at = step * batch + i, epoch = at / n;
    if (epoch != shuffled) {
      std::iota(order.begin(), order.end(), std::int64_t{0});
      base::Stream(seed_, 0, "epoch", static_cast<std::uint64_t>(epoch)).shuffle(order);
      shuffled = epoch;
    }
    copy_row(training_, order[static_cast<std::size_t>(at % n)], out, i);
  }
}

}  // namespace starling::muon
