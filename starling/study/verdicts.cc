#include "starling/study/verdicts.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <span>

namespace starling::study {
namespace {

std::optional<Metric> find_metric(const Store& store, const std::string& task, const std::string& name) {
  for (const Metric& metric : store.metrics()) {
    if (metric.task == task && metric.name == name && !std::isnan(metric.value)) return metric;
  }
  return {};
}

Claim inconclusive(Claim claim, const std::string& lacking) {
  claim.verdict = Verdict::inconclusive;
  claim.note += (claim.note.empty() ? "" : "; ") + lacking;
  return claim;
}

// What both judgements of a slope share; the verdict is theirs.
Claim with_slope(Claim claim, const DecayFit& fit) {
  claim.value = fit.student.slope;
  claim.lower = fit.student.lower;
  claim.upper = fit.student.upper;
  claim.note += fmt::format("{}local slopes {:.3f}; bootstrap interval {:.3f} to {:.3f}",
                            claim.note.empty() ? "" : "; ", fmt::join(fit.local, ", "), fit.bootstrap.lower,
                            fit.bootstrap.upper);
  return claim;
}

constexpr const char* too_little = "fewer than three sizes with a positive and finite value";

}  // namespace

Claim judge_limit(Claim claim, double value, double most) {
  claim.expected = fmt::format("at most {:g}", most);
  if (std::isnan(value)) return inconclusive(std::move(claim), "the value was lost");
  claim.value = value;
  claim.verdict = value <= most ? Verdict::holds : Verdict::fails;
  return claim;
}

Claim judge_share(Claim claim, const math::MeanInterval& share, double least, const std::string& remedy) {
  claim.expected = fmt::format("above {:g}", least);
  claim.value = share.mean;
  claim.lower = share.lower;
  claim.upper = share.upper;
  if (share.lower > least) {
    claim.verdict = Verdict::holds;
  } else if (share.upper < least) {
    claim.verdict = Verdict::fails;
  } else {
    return inconclusive(std::move(claim), fmt::format("the interval holds {:g}: {}", least, remedy));
  }
  return claim;
}

Claim judge_limit(Claim claim, const Store& store, const std::string& name, double most) {
  const auto metric = find_metric(store, claim.id, name);
  if (metric) return judge_limit(std::move(claim), metric->value, most);
  claim.expected = fmt::format("at most {:g}", most);
  return inconclusive(std::move(claim), fmt::format("the {} was not measured or lost", name));
}

Claim judge_share(Claim claim, const Store& store, const std::string& name, double least) {
  const auto metric = find_metric(store, claim.id, name);
  if (metric && metric->lower && metric->upper) {
    return judge_share(std::move(claim), {metric->value, *metric->lower, *metric->upper}, least,
                       "raise study.replicates");
  }
  claim.expected = fmt::format("above {:g}", least);
  return inconclusive(std::move(claim), fmt::format("the {} was not measured or lost", name));
}

double DecayFit::late() const {
  const std::size_t from = (log_sizes.size() - 1) / 2;
  return math::fit_slope(std::span(log_sizes).subspan(from), std::span(log_values).subspan(from)).slope;
}

math::MeanInterval DecayFit::projected() const {
  const double beyond = 2 * log_sizes.back() - log_sizes.front(), count = static_cast<double>(local.size());
  if (local.size() < 3) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return {local.back(), -infinity, infinity};
  }
  std::vector<double> middles;
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < local.size(); ++i) {
    middles.push_back((log_sizes[i] + log_sizes[i + 1]) / 2);
    mean += middles.back() / count;
  }
  for (const double middle : middles) squares += (middle - mean) * (middle - mean);
  const math::SlopeFit line = math::fit_slope(middles, local);
  const double value = line.intercept + line.slope * beyond;
  const double deviation =
      line.standard_error * std::sqrt(squares / count + (beyond - mean) * (beyond - mean));
  const double half = math::student_t_quantile(0.975, count - 2) * deviation;
  return {value, value - half, value + half};
}

std::optional<DecayFit> fit_decay(const Store& store, const Decay& decay) {
  DecayFit fit;
  for (const SeriesPoint& point : store.series(decay.task, decay.series)) {
    if (!(point.value > 0) || !std::isfinite(point.value)) return {};
    fit.log_sizes.push_back(std::log(static_cast<double>(point.step)));
    fit.log_values.push_back(std::log(point.value));
  }
  if (fit.log_sizes.size() < 3) return {};
  constexpr std::int64_t replicates = 2000;
  base::Stream stream(0, 0, "slope of a decay");
  fit.student = math::fit_slope(fit.log_sizes, fit.log_values);
  fit.bootstrap = math::bootstrap_slope(fit.log_sizes, fit.log_values, replicates, stream);
  fit.local = math::local_slopes(fit.log_sizes, fit.log_values);
  return fit;
}

Claim judge_decay(Claim claim, const Store& store, const Decay& decay) {
  const double bound = decay.exponent;
  claim.expected = fmt::format("at most {:.4f}", bound);
  const auto fit = fit_decay(store, decay);
  if (!fit) return inconclusive(std::move(claim), too_little);
  claim = with_slope(std::move(claim), *fit);
  const bool below = fit->student.upper <= bound, above = fit->student.lower > bound;
  if (below && fit->late() <= bound) {
    claim.verdict = Verdict::holds;
  } else if (above && fit->projected().lower > bound) {
    claim.verdict = Verdict::fails;
  } else if (below) {
    return inconclusive(std::move(claim),
                        "over the larger half of the sizes the slope is above the bound: add larger sizes");
  } else if (above) {
    return inconclusive(std::move(claim),
                        "the slope is above the bound at these sizes, but the local slopes may reach it "
                        "beyond: add larger sizes or seeds");
  } else {
    return inconclusive(std::move(claim), "the interval holds the bound: add sizes or seeds");
  }
  return claim;
}

Claim judge_slower(Claim claim, const Store& store, const Decay& decay) {
  claim.expected = fmt::format("above {:.4f}", decay.exponent);
  const auto fit = fit_decay(store, decay);
  if (!fit) return inconclusive(std::move(claim), too_little);
  claim = with_slope(std::move(claim), *fit);
  if (fit->student.lower > decay.exponent) {
    claim.verdict = Verdict::holds;
  } else if (fit->student.upper <= decay.exponent) {
    claim.verdict = Verdict::fails;
  } else {
    return inconclusive(std::move(claim), "the interval holds the exponent: add sizes or seeds");
  }
  return claim;
}

}  // namespace starling::study
