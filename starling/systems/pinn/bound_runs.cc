#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/parallel.h"
#include "starling/study/verdicts.h"
#include "starling/systems/pinn/bound_claims.h"
#include "starling/systems/pinn/bound_study.h"

namespace starling::pinn {
namespace {

using study::Claim;
using study::Verdict;

constexpr const char* runs_task = "trained networks";

// What is kept of a run, under its name in the store.
struct Kept {
  const char* name;
  double (*of)(const TrainedRun&);
};
const Kept kept[] = {{"gap", [](const TrainedRun& run) { return run.gap(); }},
                     {"gap bound", [](const TrainedRun& run) { return run.bound; }},
                     {"largest residual", [](const TrainedRun& run) { return run.largest; }},
                     {"mean square", [](const TrainedRun& run) { return run.truth; }},
                     {"hold-out bound", [](const TrainedRun& run) { return run.holdout; }},
                     {"error", [](const TrainedRun& run) { return run.error; }},
                     {"certificate", [](const TrainedRun& run) { return run.certified; }},
                     {"log kappa", [](const TrainedRun& run) { return run.log_kappa; }},
                     {"golowich", [](const TrainedRun& run) { return run.golowich; }},
                     {"bartlett", [](const TrainedRun& run) { return run.bartlett; }}};

double median(std::vector<double> values) {
  return math::quantile(std::move(values), 0.5);
}

// Medians by number of points: gaps and what is said of them.
void record_medians(const BoundStudySpec& spec, const std::vector<TrainedRun>& runs, study::Store& store) {
  const auto curve = [&](const char* label, auto value) {
    nlohmann::json group = {{"label", label}, {"mode", "lines+markers"}};
    for (const std::int64_t n : spec.trained_points) {
      std::vector<double> of;
      for (const TrainedRun& run : runs) {
        if (run.points == n) of.push_back(value(run));
      }
      group["x"].push_back(n);
      group["y"].push_back(median(of));
    }
    return group;
  };
  store.record(study::Figure{
      "6-runs",
      "Trained networks: the gap of the mean squared residual, and bounds",
      "Medians over runs. Above M^2 a bound is vacuous. Hold-out: of the mean square, from fresh points.",
      {{"kind", "xy"},
       {"x_label", "points"},
       {"log_x", true},
       {"log_y", true},
       {"groups",
        {curve("|gap|", [](const TrainedRun& run) { return std::abs(run.gap()); }),
         curve("reconstructed bound", [](const TrainedRun& run) { return run.bound; }),
         curve("M^2", [](const TrainedRun& run) { return run.largest * run.largest; }),
         curve("hold-out bound", [](const TrainedRun& run) { return run.holdout; })}}}});
  store.record(study::Figure{"7-certificates",
                             "Trained networks: the largest error and its certificate",
                             "Medians over runs.",
                             {{"kind", "xy"},
                              {"x_label", "points"},
                              {"log_x", true},
                              {"log_y", true},
                              {"groups",
                               {curve("largest error", [](const TrainedRun& run) { return run.error; }),
                                curve("certified", [](const TrainedRun& run) { return run.certified; })}}}});
}

// Every run once; the claims of this file read them from the store.
void ensure_runs(const BoundStudySpec& spec, study::Store& store) {
  if (store.is_done(runs_task)) return;
  std::vector<TrainedRun> runs(spec.trained_points.size() * static_cast<std::size_t>(spec.runs));
  base::parallel_tasks(static_cast<std::ptrdiff_t>(runs.size()), [&](std::ptrdiff_t i) {
    runs[static_cast<std::size_t>(i)] =
        train_and_judge(spec, spec.trained_points[static_cast<std::size_t>(i / spec.runs)], i % spec.runs);
  });
  for (const Kept& each : kept) {
    std::vector<study::SeriesPoint> points;
    for (std::size_t i = 0; i < runs.size(); ++i)
      points.push_back({static_cast<std::int64_t>(i), each.of(runs[i])});
    store.record(runs_task, each.name, "", points);
  }
  record_medians(spec, runs, store);
  store.mark_done(runs_task);
}

std::vector<double> series(const study::Store& store, const char* name) {
  std::vector<double> out;
  for (const study::SeriesPoint& point : store.series(runs_task, name)) out.push_back(point.value);
  return out;
}

// In how many runs the first is at most the second, plus what rounding leaves.
Claim judge_above(Claim claim, const BoundStudySpec& spec, study::Store& store, const char* value,
                  const char* bound, double least) {
  ensure_runs(spec, store);
  const std::vector<double> of = series(store, value), above = series(store, bound);
  std::int64_t within = 0;
  std::vector<double> looseness;
  for (std::size_t i = 0; i < of.size(); ++i) {
    within += of[i] <= above[i] + 1e-15 ? 1 : 0;
    if (of[i] > 0) looseness.push_back(above[i] / of[i]);
  }
  const auto runs = static_cast<std::int64_t>(of.size());
  const math::MeanInterval share = math::binomial_interval(within, runs);
  claim.value = share.mean;
  claim.lower = share.lower;
  claim.upper = share.upper;
  claim.expected = least == 1 ? "all" : fmt::format("at least {:g}", least);
  // A theorem for every run fails by one; a statement of probability by the interval.
  claim.verdict = least == 1 ? (within == runs ? Verdict::holds : Verdict::fails)
                             : (share.lower >= least  ? Verdict::holds
                                : share.upper < least ? Verdict::fails
                                                      : Verdict::inconclusive);
  if (!looseness.empty())
    claim.note = fmt::format("{} runs; the median bound is {:.3g} times the value", runs, median(looseness));
  return claim;
}

Claim above_gap(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  claim = judge_above(std::move(claim), spec, store, "gap", "gap bound", 1);
  const std::vector<double> bound = series(store, "gap bound"), largest = series(store, "largest residual");
  std::size_t vacuous = 0;
  for (std::size_t i = 0; i < bound.size(); ++i) vacuous += bound[i] > largest[i] * largest[i] ? 1 : 0;
  store.record(study::Metric{.task = runs_task,
                             .name = "share of vacuous gap bounds",
                             .value = static_cast<double>(vacuous) / static_cast<double>(bound.size()),
                             .note = "above M^2, the largest that the gap can be"});
  claim.note += fmt::format("; vacuous in {} of {}", vacuous, bound.size());
  return claim;
}

Claim trained_rate(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  ensure_runs(spec, store);
  const std::vector<double> gap = series(store, "gap");
  std::vector<double> x, y;
  for (std::size_t i = 0; i < gap.size(); ++i) {
    if (gap[i] == 0 || !std::isfinite(gap[i])) continue;
    x.push_back(std::log(static_cast<double>(spec.trained_points[i / static_cast<std::size_t>(spec.runs)])));
    y.push_back(std::log(std::abs(gap[i])));
  }
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, "bootstrap");
  const math::SlopeFit fit = math::bootstrap_slope(x, y, 2000, stream);
  claim.value = fit.slope;
  claim.lower = fit.lower;
  claim.upper = fit.upper;
  claim.expected = "at most -0.5, to within 0.05";
  claim.note = fmt::format("{} runs; trained gaps may fall faster than the bound", x.size());
  claim.verdict = fit.upper <= -0.45  ? Verdict::holds
                  : fit.lower > -0.45 ? Verdict::fails
                                      : Verdict::inconclusive;
  return claim;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (std::size_t r = 0; r < order.size(); ++r) out[order[r]] = static_cast<double>(r);
  return out;
}

// Spearman's correlation, about the means of every number of points, of the layer factor and the gap: does
// the factor say which of two networks trained alike generalises better?
Claim factor_orders(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  ensure_runs(spec, store);
  const std::vector<double> kappa = series(store, "log kappa"), gap = series(store, "gap");
  const auto each = static_cast<std::size_t>(spec.runs);
  std::vector<double> correlations;
  for (std::size_t begin = 0; begin < gap.size(); begin += each) {
    std::vector<double> k(kappa.begin() + static_cast<std::ptrdiff_t>(begin),
                          kappa.begin() + static_cast<std::ptrdiff_t>(begin + each)),
        g;
    for (std::size_t i = begin; i < begin + each; ++i) g.push_back(std::abs(gap[i]));
    const std::vector<double> a = ranks(k), b = ranks(g);
    double square = 0;
    for (std::size_t i = 0; i < each; ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
    const auto n = static_cast<double>(each);
    correlations.push_back(1 - 6 * square / (n * (n * n - 1)));
  }
  const math::MeanInterval mean = math::mean_interval(correlations);
  claim.value = mean.mean;
  claim.lower = mean.lower;
  claim.upper = mean.upper;
  claim.expected = "above 0";
  claim.verdict = mean.lower > 0 ? Verdict::holds : mean.upper < 0 ? Verdict::fails : Verdict::inconclusive;
  return claim;
}

auto compared(const char* value, const char* bound, double least) {
  return [=](Claim claim, const BoundStudySpec& spec, study::Store& store) {
    return judge_above(std::move(claim), spec, store, value, bound, least);
  };
}

std::vector<study::Task> shared_runs(const BoundStudySpec& spec) {
  return {{runs_task, [&spec](study::TaskContext& task) { ensure_runs(spec, task.store); }}};
}

}  // namespace

std::vector<KnownClaim> run_claims() {
  return {
      {{.id = "trained-gap-rate",
        .statement = "the gap of trained networks falls no slower than n^(-1/2)",
        .source = bound_paper,
        .measured_as = "slope of log |E r^2 - mean r^2| in log n over all runs, bootstrap interval",
        .falsifier = "an interval above -0.45"},
       trained_rate,
       shared_runs},
      {{.id = "bound-above-gap",
        .statement = "the bound lies above the gap of every trained network",
        .source = bound_paper,
        .measured_as = "share of runs; radius |u|_3 of the trained network, cut off beyond the interval",
        .falsifier = "one run whose gap is above its bound"},
       above_gap,
       shared_runs},
      {{.id = "factor-orders-gaps",
        .statement = "of networks trained alike, those with the smaller layer factor have the smaller gap",
        .source = bound_paper,
        .measured_as = "rank correlation of ln kappa and |gap| within every number of points, mean and "
                       "Student interval over those numbers",
        .falsifier = "an interval below 0"},
       factor_orders,
       shared_runs},
      {{.id = "holdout-above-mean-square",
        .statement = "with probability 0.95 the bound from fresh points lies above the mean squared "
                     "residual",
        .source = "A. Maurer, M. Pontil, \"Empirical Bernstein bounds\", COLT 2009, Theorem 4",
        .measured_as = "share of runs, Clopper-Pearson interval",
        .falsifier = "an interval below 0.95"},
       compared("mean square", "hold-out bound", 0.95),
       shared_runs},
      {{.id = "certificates-above-errors",
        .statement = "the largest error of every trained network is at most its certificate",
        .source = "the maximum principle: L. C. Evans, Partial Differential Equations, 6.4",
        .measured_as = "share of runs",
        .falsifier = "one run whose error is above its certificate"},
       compared("error", "certificate", 1),
       shared_runs}};
}

}  // namespace starling::pinn
