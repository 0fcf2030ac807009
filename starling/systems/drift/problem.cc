#include "starling/systems/drift/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "starling/base/error.h"
#include "starling/data/split.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;

data::ToySet toy_of(Source source) {
  switch (source) {
    case Source::swiss_roll:
      return data::ToySet::swiss_roll;
    case Source::moons:
      return data::ToySet::moons;
    case Source::eight_gaussians:
      return data::ToySet::eight_gaussians;
    case Source::checkerboard:
    case Source::file:
      break;
  }
  return data::ToySet::checkerboard;
}

std::int64_t count_duplicates(const base::Points<float>& points) {
  std::vector<Index> order(static_cast<std::size_t>(points.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  const auto row = [&](Index i) { return points.data() + i * points.cols(); };
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    return std::lexicographical_compare(row(a), row(a) + points.cols(), row(b), row(b) + points.cols());
  });
  std::int64_t count = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    count += std::equal(row(order[i]), row(order[i]) + points.cols(), row(order[i - 1])) ? 1 : 0;
  }
  return count;
}

}  // namespace

Problem::Problem(const Spec& spec)
    : source_(spec.data.source), queue_(spec.queue), seed_(static_cast<std::uint64_t>(spec.common.seed)) {
  if (source_ == Source::file) {
    read(spec);
    return;
  }
  if (spec.generator.conditional) {
    throw Error(ErrorKind::usage,
                "generator.conditional: the built-in sets have no labels; use a file or set it to false");
  }
  base::Stream training(static_cast<std::uint64_t>(spec.common.seed), 0, "training monitor");
  base::Stream held_out(static_cast<std::uint64_t>(spec.common.seed), 0, "held out");
  training_.resize(spec.train.evaluation, 2);
  held_out_.resize(spec.train.evaluation, 2);
  data::sample_toy(toy_of(source_), training, training_);
  data::sample_toy(toy_of(source_), held_out, held_out_);
}

void Problem::read(const Spec& spec) {
  const DataSpec& d = spec.data;
  if (d.file.path.empty())
    throw Error(ErrorKind::usage, "data.path is empty; expected a file, because data.source is \"file\"");
  data::Dataset all = data::load_dataset(d.file);
  const Index n = all.points.rows();
  if (n < 4)
    throw Error(ErrorKind::input,
                fmt::format("{}: {} points; expected at least 4 to train and to hold out", d.file.path, n));
  if (spec.generator.conditional && all.labels.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("generator.conditional: {} has no labels; name them with data.labels_key or "
                            "data.label_column, or set it to false",
                            d.file.path));
  }
  dimension_ = all.points.cols();
  image_ = all.image;
  classes_ = spec.generator.conditional ? all.classes : 1;
  if (n < classes_) {
    throw Error(ErrorKind::input, fmt::format("{}: {} points for {} classes; expected at least 2 a class",
                                              d.file.path, n, classes_));
  }
  if (d.rescale == Rescale::unit) {
    const double low = all.points.minCoeff(), high = all.points.maxCoeff();
    offset_ = (low + high) / 2;
    factor_ = high > low ? (high - low) / 2 : 1;
    all.points = ((all.points.array() - static_cast<float>(offset_)) / static_cast<float>(factor_)).matrix();
  }
  split(all, spec);
  duplicates_ = count_duplicates(training_);
}

void Problem::split(const data::Dataset& all, const Spec& spec) {
  const Index n = all.points.rows();
  const data::Split drawn(n, spec.data.holdout, static_cast<std::uint64_t>(spec.common.seed), 1, 2);
  const Index held = drawn.held_out;
  held_out_.resize(held, dimension_);
  training_.resize(n - held, dimension_);
  members_.resize(static_cast<std::size_t>(classes_));
  for (Index i = 0; i < n; ++i) {
    const Index from = drawn.order[static_cast<std::size_t>(i)];
    const std::int32_t label = all.labels.empty() ? 0 : all.labels[static_cast<std::size_t>(from)];
    if (i < held) {
      held_out_.row(i) = all.points.row(from);
      held_out_labels_.push_back(label);
    } else {
      training_.row(i - held) = all.points.row(from);
      training_labels_.push_back(label);
      members_[classes_ == 1 ? 0 : static_cast<std::size_t>(label)].push_back(i - held);
    }
  }
  for (std::size_t c = 0; c < members_.size(); ++c) {
    if (members_[c].size() >= 2) continue;
    throw Error(ErrorKind::input, fmt::format("{}: class {} has {} training points; expected at least 2",
                                              spec.data.file.path, c, members_[c].size()));
  }
}

// The rows that a step may draw. A queue holds the newest of a class's endless stream, which runs through the
// class epoch by epoch, each in an order of its own; item t is a function of t alone, so a queue has no state
// to save.
std::vector<std::int64_t> Problem::candidates(std::int32_t label, std::int64_t step) const {
  const auto& members = members_[static_cast<std::size_t>(label)];
  if (queue_.size == 0) return members;
  const auto length = static_cast<std::int64_t>(members.size()), pushed = (step + 1) * queue_.push;
  std::vector<std::int64_t> newest, epoch;
  std::int64_t epoch_number = -1;
  for (std::int64_t t = std::max<std::int64_t>(0, pushed - queue_.size); t < pushed; ++t) {
    if (t / length != epoch_number) {
      epoch_number = t / length;
      epoch = members;
      base::Stream(seed_, static_cast<std::uint32_t>(label), "queue",
                   static_cast<std::uint64_t>(epoch_number))
          .shuffle(epoch);
    }
    newest.push_back(epoch[static_cast<std::size_t>(t % length)]);
  }
  return newest;
}

void Problem::draw(std::int32_t label, std::int64_t step, base::Stream& stream,
                   base::Points<float>& out) const {
  if (source_ != Source::file) return data::sample_toy(toy_of(source_), stream, out);
  // Without replacement until all are used up: a repeated point would only weigh double.
  std::vector<std::int64_t> order = candidates(label, step);
  stream.shuffle(order);
  for (Index i = 0; i < out.rows(); ++i)
    out.row(i) = training_.row(order[static_cast<std::size_t>(i) % order.size()]);
}

base::Index Problem::available(std::int32_t label) const {
  if (source_ != Source::file) return std::numeric_limits<base::Index>::max();
  return static_cast<base::Index>(members_[static_cast<std::size_t>(label)].size());
}

void Problem::draw_any(base::Stream& stream, base::Points<float>& out) const {
  if (source_ != Source::file) return data::sample_toy(toy_of(source_), stream, out);
  for (Index i = 0; i < out.rows(); ++i)
    out.row(i) =
        training_.row(static_cast<Index>(stream.below(static_cast<std::uint64_t>(training_.rows()))));
}

base::Points<float> Problem::restore(const base::Points<float>& samples) const {
  return (samples.array() * static_cast<float>(factor_) + static_cast<float>(offset_)).matrix();
}

}  // namespace starling::drift
