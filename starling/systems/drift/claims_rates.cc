#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "starling/study/verdicts.h"
#include "starling/systems/drift/claims.h"
#include "starling/systems/drift/rate_protocols.h"

namespace starling::drift {
namespace {

using base::Index;
using study::Claim;

/// What is read of a protocol, and the claims it makes.
struct Observable {
  std::string id;      ///< of the claim, before the dimension
  std::string series;  ///< without "root "
  std::string words;
};

study::Decay decay_of(const Protocol& protocol, const Observable& observable, Index d,
                      const StudySpec& spec) {
  return {protocol.task(d), "root " + observable.series, protocol.exponent(spec, d)};
}

// Measured values of one dimension and the theory's slope through the first.
void add_groups(const study::Decay& decay, Index d, const study::Store& store, nlohmann::json& groups) {
  const auto points = store.series(decay.task, decay.series);
  if (points.empty()) return;
  nlohmann::json measured = {{"label", fmt::format("d = {}", d)}, {"mode", "markers"}},
                 line = {{"label", fmt::format("d = {}: N^({:.3f})", d, decay.exponent)}, {"mode", "lines"}};
  for (const study::SeriesPoint& point : points) {
    measured["x"].push_back(point.step);
    measured["y"].push_back(point.value);
    line["x"].push_back(point.step);
    line["y"].push_back(
        points[0].value *
        std::pow(static_cast<double>(point.step) / static_cast<double>(points[0].step), decay.exponent));
  }
  for (const study::SeriesPoint& point : store.series(decay.task, "half width of " + decay.series))
    measured["error"].push_back(point.value);
  groups.push_back(measured);
  groups.push_back(line);
}

// One figure an observable, with every dimension that is measured.
void draw(const Protocol& protocol, const Observable& observable, const StudySpec& spec,
          const std::string& source, study::Store& store) {
  nlohmann::json groups = nlohmann::json::array();
  for (Index d = 1; d <= 3; ++d) add_groups(decay_of(protocol, observable, d, spec), d, store, groups);
  const std::string balance = protocol.uses_beta ? fmt::format("; beta = {:g}", spec.beta) : "";
  store.record(study::Figure{observable.id,
                             fmt::format("{}: {}", observable.words, protocol.words),
                             source + balance + ". Lines: the exponent in question, through the first point.",
                             {{"kind", "xy"},
                              {"x_label", "N"},
                              {"y_label", observable.words},
                              {"log_x", true},
                              {"log_y", true},
                              {"groups", groups}}});
}

void record_slopes(const std::string& task, const study::Decay& decay, study::Store& store) {
  const auto fit = study::fit_decay(store, decay);
  if (!fit) return;
  store.record(study::Metric{.task = task,
                             .name = "slope",
                             .value = fit->student.slope,
                             .lower = fit->student.lower,
                             .upper = fit->student.upper,
                             .note = fmt::format("Student interval; exponent {:.4f}", decay.exponent)});
  store.record(study::Metric{.task = task,
                             .name = "slope, bootstrap",
                             .value = fit->bootstrap.slope,
                             .lower = fit->bootstrap.lower,
                             .upper = fit->bootstrap.upper,
                             .note = "interval over resampled sizes"});
  std::vector<study::SeriesPoint> local;
  for (std::size_t i = 0; i < fit->local.size(); ++i)
    local.push_back({std::llround(std::exp(fit->log_sizes[i + 1])), fit->local[i]});
  store.record(task, "local slope", "", local);
}

using Judgement = Claim (*)(Claim, const study::Store&, const study::Decay&);

KnownClaim rate_claim(Claim claim, const Protocol& protocol, const Observable& observable, Index d,
                      Judgement judge) {
  claim.measured_as = "slope of its log in log N with a 95% Student interval";
  if (protocol.repeated) claim.measured_as += ", mean over starts before the root";
  const auto measure = [&protocol, observable, d, judge](Claim stated, const StudySpec& spec,
                                                         study::Store& store) {
    ensure_measured(protocol, d, spec, store);
    const study::Decay decay = decay_of(protocol, observable, d, spec);
    record_slopes(stated.id, decay, store);
    draw(protocol, observable, spec, stated.source, store);
    if (protocol.uses_beta) stated.note = fmt::format("beta = {:g}", spec.beta);
    return judge(std::move(stated), store, decay);
  };
  // Its figure shows every dimension.
  const auto shared = [&protocol, d](const StudySpec& spec) {
    std::vector<study::Task> out = tasks_of(protocol, d, spec);
    for (const Index other : spec.dimensions) {
      if (other == d || protocol.own_exponent) continue;
      std::ranges::move(tasks_of(protocol, other, spec), std::back_inserter(out));
    }
    return out;
  };
  const auto asked = [d](const StudySpec& spec) { return std::ranges::count(spec.dimensions, d) > 0; };
  return {std::move(claim), measure, shared, asked};
}

constexpr const char* falsifier_of_bound =
    "an interval above the exponent, and local slopes whose line stays above it beyond the sizes measured";

std::string exponent_words(const Protocol& protocol) {
  return protocol.uses_beta ? "N^(-(2-beta)/(2(d+4-beta)))" : "N^(-1/(d+4))";
}

KnownClaim bound_claim(const Protocol& protocol, const Observable& observable, Index d) {
  return rate_claim({.id = fmt::format("{}-{}", observable.id, d),
                     .statement = fmt::format("{} falls at least as {}: {}, d = {}", observable.words,
                                              exponent_words(protocol), protocol.words, d),
                     .source = rate_paper,
                     .falsifier = falsifier_of_bound},
                    protocol, observable, d, study::judge_decay);
}

// The bound on the self term asks for local occupancy, which a normal law does not give.
KnownClaim tails_claim(const Protocol& protocol, const Observable& observable, Index d) {
  return rate_claim(
      {.id = fmt::format("{}-{}", observable.id, d),
       .statement =
           fmt::format("tails break local occupancy: {} falls slower than {} over these sizes: {}, d = {}",
                       observable.words, exponent_words(protocol), protocol.words, d),
       .source =
           "derived: tails leave a factor (log N)^(d/4), see docs/drift.md; the exponent: arXiv:2605.22795",
       .falsifier = "an interval at or below the exponent"},
      protocol, observable, d, study::judge_slower);
}

void add_flow(const Protocol& protocol, const std::string& suffix, Index d, std::vector<KnownClaim>& out) {
  out.push_back(bound_claim(protocol, {"fisher-rate" + suffix, "smoothed fisher", "root F_h(T)"}, d));
  out.push_back(bound_claim(protocol, {"centre-rate" + suffix, "centre velocity", "root C_N(T)"}, d));
  out.push_back(bound_claim(
      protocol, {"mean-centre-rate" + suffix, "mean centre velocity", "root of C_N averaged over [0, T]"},
      d));
  out.push_back(tails_claim(
      protocol, {"self-term-rate" + suffix, "self term", "root of the self term (d/h^2) mean 1/n_i at T"},
      d));
}

KnownClaim gaussian_limit() {
  KnownClaim known = rate_claim(
      {.id = "gaussian-limit",
       .statement = "the variance of the cloud tends to the closed Gaussian dynamics as N grows, at least as "
                    "N^(-1/2), at t = 0.5",
       .source = "derived: moment equations under the Gaussian kernel; the exponent is ours, for noiseless "
                 "starts",
       .falsifier = falsifier_of_bound},
      closed_dynamics, {"gaussian-limit", "variance error", "error of the variance"}, 1, study::judge_decay);
  known.asked = nullptr;  // one dimension stands for all
  return known;
}

}  // namespace

std::vector<KnownClaim> rate_claims() {
  const std::string self = "root of the self term (d/h^2) mean 1/n_i";
  std::vector<KnownClaim> out = {gaussian_limit()};
  for (Index d = 1; d <= 3; ++d)
    out.push_back(bound_claim(noiseless, {"fisher-rate", "smoothed fisher", "root F_h(T)"}, d));
  for (Index d = 1; d <= 3; ++d) add_flow(independent, "-iid", d, out);
  for (Index d = 1; d <= 3; ++d) add_flow(independent_beta, "-beta", d, out);
  for (Index d = 1; d <= 3; ++d)
    out.push_back(bound_claim(uniform_law, {"occupancy-uniform", "self term", self}, d));
  for (Index d = 1; d <= 3; ++d)
    out.push_back(tails_claim(normal_law, {"occupancy-normal", "self term", self}, d));
  return out;
}

}  // namespace starling::drift
