#include "starling/systems/drift/monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "starling/data/png.h"
#include "starling/math/statistics.h"
#include "starling/report/sample_sheet.h"
#include "starling/systems/drift/judge.h"
#include "starling/systems/drift/training_measures.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

constexpr const char* train_task = "train";

void record_metric(study::Store& store, const std::string& name, const std::vector<double>& values,
                   std::optional<double> floor, const std::string& note) {
  const math::MeanInterval interval = math::mean_interval(values);
  store.record(
      study::Metric{train_task, name, "", interval.mean, interval.lower, interval.upper, floor, note});
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
    if (series.task != train_task || label == labels.end()) continue;
    curves.push_back({{"task", train_task}, {"series", series.name}, {"label", label->second}});
  }
  store.record(
      study::Figure{"5-kernel",
                    "What the kernel sees",
                    "Up to 400 samples against as many data points; occupancy near 1 means isolated samples.",
                    {{"kind", "curves"}, {"x_label", "step"}, {"log_y", true}, {"curves", curves}}});
}

using Repeats = std::map<std::string, std::vector<double>>;

double mean_of(const Repeats& values, const char* name) {
  return math::mean_interval(values.at(name)).mean;
}

// Every distance and share of `repeats` independent samples.
Repeats judge_samples(const Spec& spec, const Problem& problem, const Judge& judge, Generator& generator,
                      const GeneratorState& state) {
  Repeats values;
  const bool conditional = spec.generator.conditional;
  const auto asked = conditional ? std::span<const std::int32_t>(problem.held_out_labels())
                                 : std::span<const std::int32_t>();
  const Index count = problem.held_out().rows();
  for (std::int64_t r = 0; r < spec.train.repeats; ++r) {
    base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "evaluation",
                        static_cast<std::uint64_t>(r));
    const Points<double> x = generator.sample(state.average, stream, asked, count).cast<double>();
    for (const auto& [name, value] : judge.distances(x, r)) values[name].push_back(value);
    if (spec.data.source == Source::file)
      values["distance_to_training"].push_back(judge.distance_to_training(x));
    if (conditional) values["class_agreement"].push_back(judge.class_agreement(x));
    if (!spec.guidance.active()) continue;
    const Points<float> guided = generator.sample(state.average, stream, asked, count, spec.guidance.largest);
    values["class_agreement_guided"].push_back(judge.class_agreement(guided.cast<double>()));
  }
  return values;
}

void record_values(const Repeats& values, const Repeats& floor, double final_loss, study::Store& store) {
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
  store.record(study::Metric{.task = train_task,
                             .name = "final_loss",
                             .value = final_loss,
                             .note = "running mean of mean |step V|^2; no monitor of quality"});
}

void record_warnings(const Repeats& values, const Repeats& floor, const Problem& problem,
                     const Measures& last, std::int64_t step, study::Store& store) {
  const auto warn = [&](const std::string& text) { store.record(study::Warning{train_task, step, text}); };
  const double distance = mean_of(values, "energy_distance") / mean_of(floor, "energy_distance");
  if (distance > 3) {
    warn(fmt::format(
        "the energy distance is {:.1f} times its floor: the law is not learned, whatever the loss says",
        distance));
  }
  const double covered = mean_of(values, "coverage"), coverable = mean_of(floor, "coverage");
  if (covered < 0.8 * coverable)
    warn(fmt::format("modes are missed: coverage {:.3f}, data against data {:.3f}", covered, coverable));
  if (problem.duplicates() > 0)
    warn(fmt::format("{} training points coincide with another", problem.duplicates()));
  if (const std::string text =
          kernel_warning(last.at("seen_data_nearby"), last.at("seen_data"), measured_points(problem));
      !text.empty())
    warn(text);
}

// A line of samples of each class, or so many independent ones.
void record_samples(const Spec& spec, const Problem& problem, Generator& generator,
                    const GeneratorState& state, study::Store& store) {
  constexpr std::int32_t columns = 16;
  const bool conditional = spec.generator.conditional;
  std::vector<std::int32_t> labels;
  for (std::int32_t i = 0; conditional && i < problem.classes() * columns; ++i) labels.push_back(i / columns);
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "sheet");
  const Index shown = conditional ? static_cast<Index>(labels.size()) : problem.image().empty() ? 2000 : 256;
  const Points<float> samples = generator.sample(state.average, stream, labels, shown);
  record_picture(problem, problem.image().empty() ? problem.restore(samples) : samples, store);
}

void record_figures(study::Store& store) {
  store.record(study::Figure{"1-loss",
                             "Loss",
                             "It is no monitor of quality: see the monitors below.",
                             {{"kind", "curves"},
                              {"x_label", "step"},
                              {"y_label", "mean |step V|²"},
                              {"log_y", true},
                              {"curves", {{{"task", train_task}, {"series", "loss"}, {"label", "loss"}}}}}});
  store.record(
      study::Figure{"2-monitors",
                    "Distances over their floor",
                    "1 is data against data. Bars are 95% intervals.",
                    {{"kind", "floors"}, {"metrics", {"energy_distance", "sliced_wasserstein", "mmd"}}}});
}

}  // namespace

void record_monitors(const Spec& spec, const Problem& problem, Generator& generator,
                     const GeneratorState& state, study::Store& store) {
  const Judge judge(spec, problem);
  const Repeats floor = judge.floor(spec.train.repeats);
  const Repeats values = judge_samples(spec, problem, judge, generator, state);
  record_values(values, floor, state.smoothed_loss, store);
  record_warnings(values, floor, problem, training_measures(spec, problem, generator, state), state.step,
                  store);
  record_samples(spec, problem, generator, state, store);
  record_figures(store);
  record_kernel_figure(store);
}

}  // namespace starling::drift
