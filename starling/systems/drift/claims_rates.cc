#include <fmt/format.h>

#include <cmath>

#include "starling/systems/drift/known_claim.h"
#include "starling/systems/drift/rate_protocols.h"
#include "starling/systems/drift/verdicts.h"

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

Decay decay_of(const Protocol& protocol, const Observable& observable, Index d, const StudySpec& spec) {
  return {protocol.task(d), "root " + observable.series,
          &protocol == &closed_dynamics ? -0.5 : protocol.exponent(spec, d)};
}

// Measured values of one dimension and the theory's slope through the first.
void add_groups(const Decay& decay, Index d, const study::Store& store, nlohmann::json& groups) {
  const auto points = store.series(decay.task, decay.series);
  if (points.empty()) return;
  nlohmann::json measured = {{"label", fmt::format("d = {}", d)}, {"mode", "markers"}},
                 line = {{"label", fmt::format("N^({:.3f})", decay.exponent)}, {"mode", "lines"}};
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

// One figure an observable, with every dimension measured so far.
void draw(const Protocol& protocol, const Observable& observable, const StudySpec& spec,
          const std::string& source, study::Store& store) {
  nlohmann::json groups = nlohmann::json::array();
  for (Index d = 1; d <= 3; ++d) add_groups(decay_of(protocol, observable, d, spec), d, store, groups);
  store.record(study::Figure{observable.id,
                             fmt::format("{}: {}", observable.words, protocol.words),
                             source + ". Lines: the exponent in question, through the first point.",
                             {{"kind", "xy"},
                              {"x_label", "N"},
                              {"y_label", observable.words},
                              {"log_x", true},
                              {"log_y", true},
                              {"groups", groups}}});
}

void record_slopes(const std::string& task, const Decay& decay, study::Store& store) {
  const auto fit = fit_decay(store, decay);
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

using Judgement = Claim (*)(Claim, const study::Store&, const Decay&);

KnownClaim rate_claim(Claim claim, const Protocol& protocol, const Observable& observable, Index d,
                      Judgement judge) {
  const auto measure = [&protocol, observable, d, judge](Claim stated, const StudySpec& spec,
                                                         study::Store& store) {
    ensure_measured(protocol, d, spec, store);
    const Decay decay = decay_of(protocol, observable, d, spec);
    record_slopes(stated.id, decay, store);
    draw(protocol, observable, spec, stated.source, store);
    return judge(std::move(stated), store, decay);
  };
  return {std::move(claim), measure, &protocol == &closed_dynamics ? 0 : d};
}

const Observable fisher{"fisher-rate", "smoothed fisher", "root F_h(T)"};
const Observable centre{"centre-rate", "centre velocity", "root C_N(T)"};
const Observable mean_centre{"mean-centre-rate", "mean centre velocity", "root of C_N averaged over [0, T]"};
const Observable self{"self-term-rate", "self term", "root of the self term (d/h^2) mean 1/n_i at T"};

const char* falsifier_of_bound =
    "an interval above the exponent, and local slopes that do not steepen towards it";

std::vector<KnownClaim> flow_claims(const Protocol& protocol, const std::string& suffix, Index d,
                                    const std::vector<Observable>& observables) {
  std::vector<KnownClaim> out;
  for (Observable observable : observables) {
    observable.id += suffix;
    const std::string exponent = protocol.uses_beta ? "(2-beta)/(2(d+4-beta))" : "1/(d+4)";
    Claim claim{.id = fmt::format("{}-{}", observable.id, d),
                .statement = fmt::format("{} falls at least as N^(-{}) for {}, d = {}", observable.words,
                                         exponent, protocol.words, d),
                .source = rate_paper,
                .measured_as =
                    "slope of its log in log N with a 95% Student interval, flow towards N(0, I) "
                    "with its exact smoothed score",
                .falsifier = falsifier_of_bound};
    if (protocol.repeated) claim.measured_as += ", mean over starts before the root";
    out.push_back(rate_claim(std::move(claim), protocol, observable, d, judge_decay));
  }
  return out;
}

std::vector<KnownClaim> occupancy_claims(Index d) {
  const Observable uniform{"occupancy-uniform", "self term", "root of the self term (d/h^2) mean 1/n_i"};
  const Observable normal{"occupancy-normal", uniform.series, uniform.words};
  const char* how =
      "slope of its log in log N with a 95% Student interval, mean over samples before the root";
  Claim bulk{.id = fmt::format("{}-{}", uniform.id, d),
             .statement = fmt::format("{} of independent uniform points in the unit cube falls at least as "
                                      "N^(-1/(d+4)) for h = N^(-1/(d+4)), d = {}",
                                      uniform.words, d),
             .source = rate_paper,
             .measured_as = how,
             .falsifier = falsifier_of_bound};
  Claim tails{.id = fmt::format("{}-{}", normal.id, d),
              .statement = fmt::format("tails break local occupancy: {} of independent normal points falls "
                                       "slower than N^(-1/(d+4)) over these sizes, d = {}",
                                       normal.words, d),
              .source = "derived: the tails leave a factor (log N)^(d/4), see docs/drift.md",
              .measured_as = how,
              .falsifier = "an interval at or below the exponent"};
  return {rate_claim(std::move(bulk), uniform_law, uniform, d, judge_decay),
          rate_claim(std::move(tails), normal_law, normal, d, judge_slower)};
}

KnownClaim gaussian_limit() {
  return rate_claim(
      {.id = "gaussian-limit",
       .statement = "the variance of the cloud tends to the closed Gaussian dynamics as N grows, at least as "
                    "N^(-1/2)",
       .source = "derived: moment equations under the Gaussian kernel; the exponent is ours, for noiseless "
                 "starts",
       .measured_as = "slope of the log error of the variance at t = 0.5 in log N, 95% Student interval",
       .falsifier = falsifier_of_bound},
      closed_dynamics, {"gaussian-limit", "variance error", "error of the variance"}, 1, judge_decay);
}

}  // namespace

std::vector<KnownClaim> rate_claims() {
  std::vector<KnownClaim> out = {gaussian_limit()};
  const auto add = [&out](std::vector<KnownClaim> more) {
    for (KnownClaim& known : more) out.push_back(std::move(known));
  };
  for (Index d = 1; d <= 3; ++d) add(flow_claims(noiseless, "", d, {fisher}));
  for (Index d = 1; d <= 3; ++d)
    add(flow_claims(independent, "-iid", d, {fisher, centre, mean_centre, self}));
  for (Index d = 1; d <= 3; ++d)
    add(flow_claims(independent_beta, "-beta", d, {fisher, centre, mean_centre, self}));
  for (Index d = 1; d <= 3; ++d) add(occupancy_claims(d));
  return out;
}

}  // namespace starling::drift
