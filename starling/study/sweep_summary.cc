#include "starling/study/sweep_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

namespace starling::study {
namespace {

using Curve = SweepResults::Curve;
using Point = SweepResults::Point;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* task = "sweep";

std::vector<double> finite(std::span<const double> values) {
  std::vector<double> out;
  std::copy_if(values.begin(), values.end(), std::back_inserter(out),
               [](double v) { return std::isfinite(v); });
  return out;
}

// The mean of the runs that did not diverge; NaN where all did.
math::MeanInterval mean_of(std::span<const double> values) {
  const std::vector<double> kept = finite(values);
  return kept.empty() ? math::MeanInterval{nan, nan, nan} : math::mean_interval(kept);
}

Metric metric(const std::string& curve, const std::string& name, const std::string& unit,
              std::span<const double> values) {
  const math::MeanInterval mean = mean_of(values);
  Metric out{.task = curve, .name = name, .unit = unit, .value = mean.mean};
  if (std::isfinite(mean.lower)) {
    out.lower = mean.lower;
    out.upper = mean.upper;
  }
  if (const std::size_t lost = values.size() - finite(values).size(); lost > 0)
    out.note = fmt::format("{} of {} diverged", lost, values.size());
  return out;
}

std::string place(const SweepResults& results, const Point& point) {
  return results.axis.empty() ? results.measure : fmt::format("{}={}", results.axis, point.position);
}

void record_curve(const SweepResults& results, const Curve& curve, Store& store) {
  for (const Point& point : curve.points) {
    const Metric mean = metric(curve.name, place(results, point), results.unit, point.values);
    store.record(mean);
    if (!point.divergence.empty())
      store.record(Warning{
          task, 0, fmt::format("{}, {}: {}: {}", curve.name, mean.name, mean.note, point.divergence)});
  }
  if (results.axis.empty()) return;
  const std::optional<std::size_t> best = best_point(curve, results.maximize);
  store.record(Metric{.task = curve.name,
                      .name = "best " + results.axis,
                      .value = best ? std::strtod(curve.points[*best].position.c_str(), nullptr) : nan});
  Metric score = metric(curve.name, results.measure + " at the best", results.unit,
                        honest_scores(curve, results.maximize));
  if (score.note.empty()) score.note = "each seed at the point that the others find best";
  store.record(score);
  const std::size_t last = curve.points.size() - 1;
  if (best && last >= 2 && (*best == 0 || *best == last)) {
    store.record(
        Warning{task, 0,
                fmt::format("the best {} of {}, {}, is the {} that was tried: widen the range", results.axis,
                            curve.name, curve.points[*best].position, *best == 0 ? "first" : "last")});
  }
}

// Curves with a band over seeds; bars when there is no axis.
Figure figure(const SweepResults& results) {
  nlohmann::json groups = nlohmann::json::array();
  double least = std::numeric_limits<double>::infinity(), most = 0, first = least, last = 0;
  for (const Curve& curve : results.curves) {
    nlohmann::json group = {{"label", curve.name}, {"mode", results.axis.empty() ? "bars" : "lines+markers"}};
    for (const Point& point : curve.points) {
      const math::MeanInterval mean = mean_of(point.values);
      const double x = std::strtod(point.position.c_str(), nullptr);
      group["y"].push_back(mean.mean);
      if (results.axis.empty()) {
        group["x"].push_back(results.measure);
        group["error"].push_back(mean.upper - mean.mean);
      } else {
        group["x"].push_back(x);
        group["lower"].push_back(mean.lower);
        group["upper"].push_back(mean.upper);
        first = std::min(first, x);
        last = std::max(last, x);
      }
      if (std::isfinite(mean.mean)) {
        least = std::min(least, mean.mean);
        most = std::max(most, mean.mean);
      }
    }
    groups.push_back(group);
  }
  return {.id = task,
          .title = results.axis.empty() ? results.measure
                                        : fmt::format("{} against {}", results.measure, results.axis),
          .caption = "Means over seeds with their 95% interval; a gap where every seed diverged.",
          .drawing = {{"kind", "xy"},
                      {"groups", groups},
                      {"x_label", results.axis},
                      {"y_label",
                       results.unit.empty() ? results.measure : results.measure + " (" + results.unit + ")"},
                      {"log_x", first > 0 && last > 8 * first},
                      {"log_y", !results.axis.empty() && least > 0 && most > 8 * least}}};
}

Claim comparison(const SweepResults& results, const Curve& best, const Curve& other) {
  const std::vector<double> a = honest_scores(best, results.maximize),
                            b = honest_scores(other, results.maximize);
  std::vector<double> gains;
  for (std::size_t s = 0; s < a.size(); ++s) {
    if (const double gain = results.maximize ? a[s] - b[s] : b[s] - a[s]; std::isfinite(gain))
      gains.push_back(gain);
  }
  const std::string where = results.axis.empty() ? "" : fmt::format(", each at its best {}", results.axis);
  Claim claim{
      .statement = fmt::format("{}: {} is {} than {}{}", results.measure, best.name,
                               results.maximize ? "higher" : "lower", other.name, where),
      .source = "this sweep",
      .measured_as =
          results.axis.empty()
              ? "the mean over seeds of the paired difference"
              : fmt::format("the mean over seeds of the paired difference, each seed at the {} that the "
                            "others find best",
                            results.axis),
      .falsifier = "an interval below 0",
      .expected = "> 0"};
  const double ours = mean_of(a).mean, theirs = mean_of(b).mean;
  claim.note = fmt::format("{:.4g} against {:.4g}", ours, theirs);
  if (ours > 0 && theirs > 0) claim.note += fmt::format(", a ratio of {:.4g}", ours / theirs);
  if (gains.size() < a.size()) {
    claim.note +=
        fmt::format("; {} of {} seeds have no difference: runs diverged", a.size() - gains.size(), a.size());
    return claim;
  }
  const math::MeanInterval gain = math::mean_interval(gains);
  claim.value = gain.mean;
  if (gains.size() < 2) {
    claim.note += "; one seed gives no interval: sweep over seed=1,2,3";
    return claim;
  }
  claim.lower = gain.lower;
  claim.upper = gain.upper;
  claim.verdict = gain.lower > 0 ? Verdict::holds : gain.upper < 0 ? Verdict::fails : Verdict::inconclusive;
  return claim;
}

bool better(double a, double b, bool maximize) {
  return maximize ? a > b : a < b;
}

}  // namespace

std::optional<std::size_t> best_point(const Curve& curve, bool maximize, std::optional<std::size_t> without) {
  std::optional<std::size_t> best;
  double best_mean = nan;
  for (std::size_t p = 0; p < curve.points.size(); ++p) {
    std::vector<double> values = curve.points[p].values;
    if (without && values.size() > 1) values.erase(values.begin() + static_cast<std::ptrdiff_t>(*without));
    if (finite(values).size() < values.size()) continue;
    const double mean = mean_of(values).mean;
    if (!best || better(mean, best_mean, maximize)) {
      best = p;
      best_mean = mean;
    }
  }
  return best;
}

std::vector<double> honest_scores(const Curve& curve, bool maximize) {
  std::vector<double> scores(curve.points.front().values.size(), nan);
  for (std::size_t seed = 0; seed < scores.size(); ++seed) {
    if (const auto best = best_point(curve, maximize, seed)) scores[seed] = curve.points[*best].values[seed];
  }
  return scores;
}

void record_summary(const SweepResults& results, Store& store) {
  store.remove_after(task, -1);  // what an earlier measure warned of
  for (const Curve& curve : results.curves) record_curve(results, curve, store);
  store.record(figure(results));

  const Curve* best = &results.curves.front();
  const auto score = [&](const Curve& curve) { return mean_of(honest_scores(curve, results.maximize)).mean; };
  for (const Curve& curve : results.curves) {
    if (better(score(curve), score(*best), results.maximize) || std::isnan(score(*best))) best = &curve;
  }
  int rank = 0;
  for (const Curve& other : results.curves) {
    if (&other == best) continue;
    Claim claim = comparison(results, *best, other);
    claim.id = fmt::format("sweep.best.{}", ++rank);
    store.record(claim);
  }
}

}  // namespace starling::study
