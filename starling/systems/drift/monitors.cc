#include "starling/systems/drift/monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "starling/data/png.h"
#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"
#include "starling/report/sample_sheet.h"
#include "starling/systems/drift/scales.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

constexpr const char* task = "train";
constexpr int neighbours = 5;

Points<double> wide(const Points<float>& points) {
  return points.cast<double>();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double median_distance(const Points<double>& x, const Points<double>& y) {
  const base::Vector<double> distances = metrics::nearest_distances(x, y);
  return median({distances.begin(), distances.end()});
}

// The distances of one sample to data, by name.
using Values = std::map<std::string, double>;

struct Judge {
  const Problem& problem;
  Points<double> held_out, training, slices;
  double bandwidth;

  Values distances(const Points<double>& x, const Points<double>& data) const {
    const metrics::Manifold m = metrics::manifold(x, data, neighbours);
    return {{"energy_distance", metrics::energy_distance(x, data, false)},
            {"sliced_wasserstein", std::sqrt(metrics::sliced_wasserstein(x, data, slices, 2))},
            {"mmd", std::sqrt(std::max(0.0, metrics::mmd2(x, data, bandwidth, false)))},
            {"precision", m.precision},
            {"recall", m.recall},
            {"coverage", m.coverage}};
  }
};

// Data against data: all points dealt anew into a held-out half and as many others as a generator would draw.
// One deal can be lucky by half; several say how lucky.
struct Floor {
  std::map<std::string, std::vector<double>> draws;
  double mean(const std::string& name) const { return math::mean_interval(draws.at(name)).mean; }
};

Floor measure_floor(const Judge& judge, std::uint64_t seed, std::int64_t repeats) {
  const Index held = judge.held_out.rows(), train = judge.training.rows(), n = std::min(held, train);
  Points<double> all(held + train, judge.held_out.cols());
  all << judge.held_out, judge.training;
  std::vector<std::int64_t> order(static_cast<std::size_t>(all.rows()));
  Floor floor;
  for (std::int64_t r = 0; r < repeats; ++r) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    base::Stream(seed, 0, "floor", static_cast<std::uint64_t>(r)).shuffle(order);
    const std::vector<Index> dealt(order.begin(), order.end());
    const auto take = [&](Index from, Index count) {
      return Points<double>(
          all(std::vector<Index>(dealt.begin() + from, dealt.begin() + from + count), Eigen::all));
    };
    for (const auto& [name, value] : judge.distances(take(held, n), take(0, held)))
      floor.draws[name].push_back(value);
  }
  return floor;
}

void warn(study::Store& store, const GeneratorState& state, const std::string& text) {
  store.record(study::Warning{task, state.step, text});
}

void record_metric(study::Store& store, const std::string& name, const std::vector<double>& values,
                   std::optional<double> floor, const std::string& note) {
  const math::MeanInterval interval = math::mean_interval(values);
  store.record(study::Metric{task, name, "", interval.mean, interval.lower, interval.upper, floor, note});
}

void record_picture(const Problem& problem, const Points<float>& samples, study::Store& store) {
  if (!problem.image().empty()) {
    const auto& shape = problem.image();
    const float low = problem.held_out().minCoeff(), high = problem.held_out().maxCoeff();
    const int columns = static_cast<int>(samples.rows()) / std::max(1, static_cast<int>(problem.classes()));
    const data::Image sheet =
        report::sample_sheet(samples, static_cast<int>(shape[0]), static_cast<int>(shape[1]),
                             problem.classes() > 1 ? columns : 16, {low, high});
    store.record_image("samples", data::encode_png(sheet));
    store.record(study::Figure{"3-samples",
                               "Generated samples",
                               problem.classes() > 1 ? "One line a class." : "Independent draws.",
                               {{"kind", "image"}, {"image", "samples"}}});
    return;
  }
  const auto group = [](const std::string& label, const Points<float>& cloud) {
    nlohmann::json out = {{"label", label}, {"mode", "markers"}};
    for (Index i = 0; i < std::min<Index>(cloud.rows(), 2000); ++i) {
      out["x"].push_back(cloud(i, 0));
      out["y"].push_back(cloud(i, std::min<Index>(1, cloud.cols() - 1)));
    }
    return out;
  };
  store.record(study::Figure{
      "3-samples",
      "Generated samples over held-out data",
      "The first two coordinates.",
      {{"kind", "xy"},
       {"x_label", "x1"},
       {"y_label", "x2"},
       {"groups",
        {group("held-out data", problem.restore(problem.held_out())), group("generated", samples)}}}});
}

}  // namespace

std::string kernel_warning(const Spec& spec, const Points<float>& x, const Points<float>& y) {
  if (spec.drift.kernel == Kernel::gaussian && spec.drift.field != TrainField::release) return {};
  const Index rows = std::min<Index>(x.rows(), 64);
  Points<double> distances(rows, y.rows());
  for (Index i = 0; i < rows; ++i)
    distances.row(i) = (y.rowwise() - x.row(i)).rowwise().norm().cast<double>();
  const double unit = spec.drift.field == TrainField::release ? distances.mean() : 1;
  const double largest = scale_length(spec.drift, y.cast<double>(), spec.train.batch) *
                         *std::max_element(spec.drift.temperatures.begin(), spec.drift.temperatures.end());
  double total = 0;
  for (Index i = 0; i < rows; ++i) {
    const Eigen::ArrayXd weights =
        (-(distances.row(i).array() - distances.row(i).minCoeff()) / (largest * unit)).exp();
    total += math::effective_sample_size({weights.data(), static_cast<std::size_t>(weights.size())});
  }
  const double effective = total / static_cast<double>(rows), n = static_cast<double>(y.rows());
  if (effective > 0.5 * n) {
    return fmt::format(
        "the kernel is flat: a sample weighs {:.0f} of {:.0f} data points alike, so it learns little more "
        "than "
        "their mean; lower field.temperatures or drift in fewer dimensions",
        effective, n);
  }
  if (effective < 3 && n >= 16) {
    return fmt::format(
        "the kernel is starved: a sample sees {:.1f} of {:.0f} data points even at the largest temperature; "
        "far "
        "modes exert no pull; add a larger one to field.temperatures or anneal",
        effective, n);
  }
  return {};
}

void record_monitors(const Spec& spec, const Problem& problem, Generator& generator,
                     const GeneratorState& state, study::Store& store) {
  const auto seed = static_cast<std::uint64_t>(spec.common.seed);
  base::Stream slicing(seed, 0, "slices");
  const Judge judge{problem, wide(problem.held_out()), wide(problem.training()),
                    metrics::slicing_directions(64, problem.dimension(), slicing),
                    std::sqrt(static_cast<double>(problem.dimension())) / 4};
  const Floor floor = measure_floor(judge, seed, spec.train.repeats);
  const double held_out_distance = median_distance(judge.held_out, judge.training);

  std::map<std::string, std::vector<double>> values;
  const std::vector<std::int32_t>& labels = problem.held_out_labels();
  const bool conditional = spec.generator.conditional;
  for (std::int64_t r = 0; r < spec.train.repeats; ++r) {
    base::Stream stream(seed, 0, "evaluation", static_cast<std::uint64_t>(r));
    const auto asked = conditional ? std::span<const std::int32_t>(labels) : std::span<const std::int32_t>();
    const Points<double> x = wide(generator.sample(state.average, stream, asked, problem.held_out().rows()));
    for (const auto& [name, value] : judge.distances(x, judge.held_out)) values[name].push_back(value);
    if (spec.data.source == Source::file) {
      values["distance_to_training"].push_back(median_distance(x, judge.training) / held_out_distance);
    }
    if (conditional) {
      const auto seen = metrics::classify(x, judge.training, problem.training_labels(), neighbours);
      Index right = 0;
      for (std::size_t i = 0; i < seen.size(); ++i) right += seen[i] == labels[i] ? 1 : 0;
      values["class_agreement"].push_back(static_cast<double>(right) / static_cast<double>(seen.size()));
    }
  }
  const std::map<std::string, std::string> notes = {
      {"energy_distance", "V-statistic to held-out data"},
      {"sliced_wasserstein", "W2 over 64 directions to held-out data"},
      {"mmd", "root of the V-statistic, Gaussian kernel"},
      {"precision", "share of samples inside the data's 5-neighbour balls"},
      {"recall", "share of held-out data inside the samples' 5-neighbour balls"},
      {"coverage", "share of the data's 5-neighbour balls that hold a sample"},
      {"distance_to_training",
       "median distance to the training set, over that of held-out data; far below 1 is memorisation"},
      {"class_agreement",
       "5-nearest-neighbour classifier on the training set agrees with the class asked for"}};
  for (const auto& [name, list] : values) {
    std::optional<double> reference;
    std::string note = notes.at(name);
    if (floor.draws.count(name) != 0) {
      const math::MeanInterval interval = math::mean_interval(floor.draws.at(name));
      reference = interval.mean;
      note += fmt::format("; floor 95% [{:.4g}, {:.4g}]", interval.lower, interval.upper);
    }
    record_metric(store, name, list, reference, note);
  }
  store.record(study::Metric{task,
                             "final_loss",
                             "",
                             state.smoothed_loss,
                             {},
                             {},
                             {},
                             "running mean of mean |step V|^2; no monitor of quality"});

  const auto mean_of = [&](const char* name) { return math::mean_interval(values.at(name)).mean; };
  if (mean_of("energy_distance") > 3 * floor.mean("energy_distance")) {
    warn(store, state,
         fmt::format(
             "the energy distance is {:.1f} times its floor: the law is not learned, whatever the loss says",
             mean_of("energy_distance") / floor.mean("energy_distance")));
  }
  if (mean_of("coverage") < 0.8 * floor.mean("coverage")) {
    warn(store, state,
         fmt::format("modes are missed: coverage {:.3f}, data against data {:.3f}", mean_of("coverage"),
                     floor.mean("coverage")));
  }
  if (problem.duplicates() > 0) {
    warn(store, state, fmt::format("{} training points coincide with another", problem.duplicates()));
  }
  std::vector<std::int32_t> sheet_labels;
  constexpr std::int32_t sheet_columns = 16;
  for (std::int32_t i = 0; conditional && i < problem.classes() * sheet_columns; ++i)
    sheet_labels.push_back(i / sheet_columns);
  base::Stream stream(seed, 0, "sheet");
  const Index shown = conditional               ? static_cast<Index>(sheet_labels.size())
                      : problem.image().empty() ? 2000
                                                : 256;
  const Points<float> samples = generator.sample(state.average, stream, sheet_labels, shown);
  if (const std::string text = kernel_warning(spec, samples, problem.held_out()); !text.empty())
    warn(store, state, text);
  record_picture(problem, problem.image().empty() ? problem.restore(samples) : samples, store);
  store.record(study::Figure{"1-loss",
                             "Loss",
                             "It is no monitor of quality: see the monitors below.",
                             {{"kind", "curves"},
                              {"x_label", "step"},
                              {"y_label", "mean |step V|²"},
                              {"log_y", true},
                              {"curves", {{{"task", task}, {"series", "loss"}, {"label", "loss"}}}}}});
  store.record(
      study::Figure{"2-monitors",
                    "Distances over their floor",
                    "1 is data against data. Bars are 95% intervals.",
                    {{"kind", "floors"}, {"metrics", {"energy_distance", "sliced_wasserstein", "mmd"}}}});
}

}  // namespace starling::drift
