#include "starling/systems/students/census_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "starling/data/npy.h"
#include "starling/data/npz.h"
#include "starling/systems/students/census_figures.h"
#include "starling/systems/students/one_neuron.h"
#include "starling/systems/students/partitions.h"

namespace starling::students {
namespace {

using study::Claim;
using study::Metric;
using study::Verdict;

constexpr std::size_t most_classes = 30;  // as metrics; the table holds all
constexpr double loss_tolerance = 1e-9;
constexpr double rest = 1e-13;

bool at_rest(const CriticalPoint& point) {
  return point.label == Label::minimum || point.label == Label::saddle || point.label == Label::redundant;
}

double lowest_loss(const Census& census) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const CensusClass& one : census.classes) {
    if (at_rest(one.point)) lowest = std::min(lowest, one.point.loss);
  }
  return lowest;
}

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

Claim claim_of(const std::string& id, base::Index students) {
  for (Claim claim : census_claims()) {
    if (claim.id != id) continue;
    claim.id += fmt::format(".n{}", students);
    return claim;
  }
  return {};
}

void record_claims(const CensusSpec& spec, const CensusResult& result, study::Store& store) {
  const Census& census = result.census;
  Claim labels = claim_of("students.census.rest", result.students);
  labels.value = census.worst_gradient;
  std::int64_t astray = 0;
  for (const CensusClass& one : census.classes) {
    const bool named =
        at_rest(one.point) || one.point.label == Label::dead || one.point.label == Label::runaway;
    if (!named || (at_rest(one.point) && one.point.gradient_max > rest)) astray += one.count;
  }
  labels.verdict = astray == 0 ? Verdict::holds : Verdict::fails;
  if (astray > 0) labels.note = fmt::format("{} runs neither came to rest nor ran away", astray);
  store.record(labels);
  const auto average = copy_average_loss(spec, result.students);
  if (!average) return;
  Claim best = claim_of("students.census.best", result.students);
  best.value = lowest_loss(census) - *average;
  best.expected = "at least 0";
  best.verdict = *best.value >= -loss_tolerance ? Verdict::holds : Verdict::fails;
  if (best.verdict == Verdict::fails)
    best.note = "copy averages are the best among copy averages, not of all";
  store.record(best);
}

}  // namespace

std::string census_task(std::int64_t students) {
  return fmt::format("n = {}", students);
}

std::vector<Claim> census_claims() {
  return {{.id = "students.census.rest",
           .statement =
               "Every run of a census comes to rest at a critical point, or dies or runs away and says so.",
           .source = "Newton's method after the flow, as arXiv:2301.10638 proposes",
           .measured_as = "largest |∂L/∂parameter| over all runs at rest, after Newton's method",
           .falsifier = "a run without a label, or a gradient above 1e-13",
           .expected = "at most 1e-13"},
          {.id = "students.census.best",
           .statement =
               "No critical point of n students lies below the best copy average (1, ..., 1, k - n + 1).",
           .source = "arXiv:2311.01644 (reconstruction: its theorem speaks of copy averages alone)",
           .measured_as = "lowest loss of a census, less that of the copy average",
           .falsifier = "a lower critical point; the perturbed copy is one where n is close to k"}};
}

void record_census(const CensusSpec& spec, const CensusResult& result, bool brief, study::Store& store) {
  record_metrics(spec, result, store);
  record_claims(spec, result, store);
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
