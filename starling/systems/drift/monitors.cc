#include "starling/systems/drift/monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "starling/data/png.h"
#include "starling/math/statistics.h"
#include "starling/report/sample_sheet.h"
#include "starling/systems/drift/judge.h"
#include "starling/systems/drift/scales.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

constexpr const char* task = "train";
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

// The series of training_measures that this field has.
void record_kernel_figure(study::Store& store) {
  const std::map<std::string, std::string> labels = {{"seen_data", "share of the data in a sample's weights"},
                                                     {"mean_inverse_occupancy", "mean 1 / occupancy"},
                                                     {"mismatch_share", "scale-mismatch share of |V|"},
                                                     {"smoothed_fisher", "F_h"},
                                                     {"smoothed_kl", "KL of the smoothed laws"}};
  nlohmann::json curves = nlohmann::json::array();
  for (const study::SeriesName& series : store.series_names()) {
    const auto label = labels.find(series.name);
    if (series.task != task || label == labels.end()) continue;
    curves.push_back({{"task", task}, {"series", series.name}, {"label", label->second}});
  }
  store.record(
      study::Figure{"5-kernel",
                    "What the kernel sees",
                    "Up to 400 samples against as many data points; occupancy near 1 means isolated samples.",
                    {{"kind", "curves"}, {"x_label", "step"}, {"log_y", true}, {"curves", curves}}});
}

}  // namespace

Measures training_measures(const Spec& spec, const Problem& problem, Generator& generator,
                           const GeneratorState& state) {
  const Index count = std::min<Index>(400, problem.available(0));
  constexpr double most_quadrature_pairs = 5e7;  // a tenth of a second
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "measured cloud");
  // One law: of a conditional generator, its first class.
  const std::vector<std::int32_t> labels(spec.generator.conditional ? static_cast<std::size_t>(count) : 0, 0);
  Points<float> data(count, problem.dimension());
  const Points<float> samples = generator.sample(state.parameters, stream, labels, count);
  problem.draw(0, state.step, stream, data);
  const Points<double> x = generator.features().map(samples).cast<double>(),
                       y = generator.features().map(data).cast<double>();
  const DriftSpec& f = spec.drift;
  const std::vector<double> scales = generator.scales(state.step);
  const bool release = f.field == TrainField::release;
  const bool gaussian = f.kernel == Kernel::gaussian &&
                        (f.field == TrainField::displacement || f.field == TrainField::conservative);
  const double unit = release ? (y.rowwise() - x.colwise().mean()).rowwise().norm().mean() : 1;
  Measures out;
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  out["seen_data"] = seen_share({gaussian, unit * *most}, x, y);
  out["seen_data_nearby"] = seen_share({gaussian, unit * *least}, x, y);
  if (release) return out;  // its scale is not a length
  add_occupancy({gaussian, scales.front()}, x, out);
  if (f.field == TrainField::displacement && !gaussian) add_mismatch(scales.front(), x, y, out);
  if (f.field == TrainField::conservative && gaussian) {
    const Target target = Target::data(y, scales.front());
    out["stein_drift"] = stein_drift(x, target);
    add_smoothed_objectives(target, y.rows(), x, most_quadrature_pairs, out);
  }
  return out;
}

void record_monitors(const Spec& spec, const Problem& problem, Generator& generator,
                     const GeneratorState& state, study::Store& store) {
  const auto seed = static_cast<std::uint64_t>(spec.common.seed);
  const Judge judge(spec, problem);
  const auto floor = judge.floor(spec.train.repeats);
  const auto floor_of = [&](const char* name) { return math::mean_interval(floor.at(name)).mean; };

  std::map<std::string, std::vector<double>> values;
  const bool conditional = spec.generator.conditional;
  const auto asked = conditional ? std::span<const std::int32_t>(problem.held_out_labels())
                                 : std::span<const std::int32_t>();
  const Index count = problem.held_out().rows();
  for (std::int64_t r = 0; r < spec.train.repeats; ++r) {
    base::Stream stream(seed, 0, "evaluation", static_cast<std::uint64_t>(r));
    const Points<double> x = generator.sample(state.average, stream, asked, count).cast<double>();
    for (const auto& [name, value] : judge.distances(x, r)) values[name].push_back(value);
    if (spec.data.source == Source::file)
      values["distance_to_training"].push_back(judge.distance_to_training(x));
    if (conditional) values["class_agreement"].push_back(judge.class_agreement(x));
    if (!spec.guidance.active()) continue;
    const Points<float> guided = generator.sample(state.average, stream, asked, count, spec.guidance.largest);
    values["class_agreement_guided"].push_back(judge.class_agreement(guided.cast<double>()));
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
      {"class_agreement_guided", "the same at the largest strength of guidance"},
      {"class_agreement",
       "5-nearest-neighbour classifier on the training set agrees with the class asked for"}};
  for (const auto& [name, list] : values) {
    std::optional<double> reference;
    std::string note = notes.at(name);
    if (floor.count(name) != 0) {
      const math::MeanInterval interval = math::mean_interval(floor.at(name));
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
  if (mean_of("energy_distance") > 3 * floor_of("energy_distance")) {
    warn(store, state,
         fmt::format(
             "the energy distance is {:.1f} times its floor: the law is not learned, whatever the loss says",
             mean_of("energy_distance") / floor_of("energy_distance")));
  }
  if (mean_of("coverage") < 0.8 * floor_of("coverage")) {
    warn(store, state,
         fmt::format("modes are missed: coverage {:.3f}, data against data {:.3f}", mean_of("coverage"),
                     floor_of("coverage")));
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
  const Measures last = training_measures(spec, problem, generator, state);
  if (const std::string text = kernel_warning(last.at("seen_data_nearby"), last.at("seen_data"),
                                              std::min<Index>(400, problem.available(0)));
      !text.empty())
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
  record_kernel_figure(store);
  store.record(
      study::Figure{"2-monitors",
                    "Distances over their floor",
                    "1 is data against data. Bars are 95% intervals.",
                    {{"kind", "floors"}, {"metrics", {"energy_distance", "sliced_wasserstein", "mmd"}}}});
}

}  // namespace starling::drift
