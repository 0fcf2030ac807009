#include "starling/systems/students/census_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/data/npy.h"
#include "starling/data/npz.h"
#include "starling/systems/students/census_claims.h"
#include "starling/systems/students/census_figures.h"

namespace starling::students {
namespace {

using study::Metric;

constexpr std::size_t most_classes = 30;  // as metrics; the table holds all

void record_share(study::Store& store, const std::string& task, const std::string& name, const Census& census,
                  const std::function<bool(const CriticalPoint&)>& counts) {
  std::int64_t count = 0;
  for (const CensusClass& one : census.classes) count += counts(one.point) ? one.count : 0;
  const auto runs = static_cast<std::int64_t>(census.class_of.size());
  const math::MeanInterval share = math::binomial_interval(count, runs);
  store.record(Metric{.task = task,
                      .name = name,
                      .unit = "of the runs",
                      .value = share.mean,
                      .lower = share.lower,
                      .upper = share.upper,
                      .note = fmt::format("{} of {}", count, runs)});
}

void record_metrics(const CensusSpec& spec, const CensusResult& result, study::Store& store) {
  const std::string task = census_task(result.students);
  const Census& census = result.census;
  const auto number = [&](const std::string& name, double value, const std::string& note) {
    store.record(Metric{.task = task, .name = name, .value = value, .note = note});
  };
  number("lowest_loss", lowest_loss(census), "E[(f - f*)²] of the best critical point found, no factor 1/2");
  if (const auto average = copy_average_loss(spec, result.students))
    number("copy_average_loss", *average, "of the best copy average, in closed form");
  if (const auto perturbed = perturbed_copy_of(spec, result.students)) {
    number("perturbed_copy_loss", perturbed->loss, "of the perturbed copy");
    number("perturbed_copy_index", static_cast<double>(perturbed->index),
           "negative eigenvalues of its Hessian");
  }
  number("classes", static_cast<double>(census.classes.size()), "different ends, up to symmetry");
  number("largest_gradient", census.worst_gradient, "max |∇L| over all runs, after Newton's method");
  record_share(store, task, "copy_average_share", census, [](const CriticalPoint& point) {
    return point.kind == Kind::copy_average && point.label == Label::minimum;
  });
  record_share(store, task, "perturbed_copy_share", census, [](const CriticalPoint& point) {
    return point.kind == Kind::perturbed_copy && point.label == Label::minimum;
  });
  record_share(store, task, "redundant_share", census,
               [](const CriticalPoint& point) { return point.label == Label::redundant; });
  for (std::size_t c = 0; c < std::min(most_classes, census.classes.size()); ++c) {
    const CensusClass& one = census.classes[c];
    store.record(Metric{.task = task,
                        .name = fmt::format("class_{:02}_share", c + 1),
                        .unit = "of the runs",
                        .value = one.share.mean,
                        .lower = one.share.lower,
                        .upper = one.share.upper,
                        .note = describe_class(one)});
    number(fmt::format("class_{:02}_loss", c + 1), one.point.loss, structure(one.point.stands_for));
  }
}

}  // namespace

std::string census_task(std::int64_t students) {
  return fmt::format("n = {}", students);
}

void record_census(const CensusSpec& spec, const CensusResult& result, bool brief, study::Store& store) {
  record_metrics(spec, result, store);
  record_census_claims(spec, result, store);
  record_shares_figure(result, store);
  if (brief) return;
  record_point_figures(spec, result, store);
  if (!result.traces.empty()) record_trace_figures(spec, result, store);
  if (result.connections) record_saddle_figure(result, store);
}

std::string classes_table(const Census& census) {
  std::string out =
      "class,count,share,low,high,loss,label,kind,structure,live,index,smallest_eigenvalue,largest_"
      "eigenvalue,gradient\n";
  for (std::size_t c = 0; c < census.classes.size(); ++c) {
    const auto& [point, count, share] = census.classes[c];
    const bool known = point.eigenvalues.size() > 0;
    out += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", c + 1, count, share.mean, share.lower, share.upper,
        point.loss, to_string(point.label), to_string(point.kind), structure(point.stands_for), point.live(),
        point.index, known ? point.eigenvalues[0] : std::nan(""),
        known ? point.eigenvalues[point.eigenvalues.size() - 1] : std::nan(""), point.gradient_max);
  }
  return out;
}

std::string critical_points_npz(const Census& census) {
  std::vector<data::NpzEntry> entries;
  const auto add = [&](const std::string& name, std::size_t c, const std::vector<std::int64_t>& shape,
                       const double* values, base::Index size) {
    entries.push_back({fmt::format("{}_{}", name, c + 1),
                       data::encode_npy(shape, std::span(values, static_cast<std::size_t>(size)))});
  };
  for (std::size_t c = 0; c < census.classes.size(); ++c) {
    const CriticalPoint& point = census.classes[c].point;
    const std::int64_t n = point.student.w.rows(), d = point.student.w.cols();
    add("w", c, {n, d}, point.student.w.data(), point.student.w.size());
    add("a", c, {n}, point.student.a.data(), point.student.a.size());
    add("eigenvalues", c, {point.eigenvalues.size()}, point.eigenvalues.data(), point.eigenvalues.size());
  }
  return data::encode_npz(entries);
}

}  // namespace starling::students
