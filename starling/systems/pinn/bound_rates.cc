#include <fmt/format.h>

#include <cmath>

#include "starling/systems/pinn/bound_claims.h"
#include "starling/systems/pinn/bound_study.h"

namespace starling::pinn {
namespace {

using math::MeanInterval;
using study::Claim;
using study::Verdict;

constexpr const char* poisson = "-u_xx = 0; domain x = -1..1";

base::Stream stream_of(const BoundStudySpec& spec, base::Purpose purpose, std::size_t index) {
  return {static_cast<std::uint64_t>(spec.common.seed), 0, purpose, index};
}

// Values over the numbers of points: recorded, drawn beside a bound, and fitted.
struct Curve {
  std::vector<double> n{}, mean{}, lower{}, upper{}, bound{};
  void add(double points, const MeanInterval& value, double limit) {
    n.push_back(points);
    mean.push_back(value.mean);
    lower.push_back(value.lower);
    upper.push_back(value.upper);
    bound.push_back(limit);
  }
};

void record(study::Store& store, const std::string& task, const std::string& id, const std::string& title,
            const Curve& curve) {
  std::vector<study::SeriesPoint> points;
  for (std::size_t i = 0; i < curve.n.size(); ++i)
    points.push_back({static_cast<std::int64_t>(curve.n[i]), curve.mean[i]});
  store.record(task, "by points", "", points);
  store.record(study::Figure{
      id,
      title,
      "Means over draws of points and signs with 95% intervals.",
      {{"kind", "xy"},
       {"x_label", "points"},
       {"log_x", true},
       {"log_y", true},
       {"groups",
        {{{"label", "measured"},
          {"x", curve.n},
          {"y", curve.mean},
          {"lower", curve.lower},
          {"upper", curve.upper},
          {"mode", "lines+markers"}},
         {{"label", "reconstructed bound"}, {"x", curve.n}, {"y", curve.bound}, {"mode", "lines"}}}}}});
}

// A slope in log n that must be at most -1/2, to within 0.05.
Claim judge_slope(Claim claim, const math::SlopeFit& fit) {
  constexpr double most = -0.45;
  claim.value = fit.slope;
  claim.lower = fit.lower;
  claim.upper = fit.upper;
  claim.expected = "at most -0.5, to within 0.05";
  claim.verdict = fit.upper <= most  ? Verdict::holds
                  : fit.lower > most ? Verdict::fails
                                     : Verdict::inconclusive;
  return claim;
}

math::SlopeFit slope_of(const Curve& curve) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < curve.n.size(); ++i) {
    x.push_back(std::log(curve.n[i]));
    y.push_back(std::log(curve.mean[i]));
  }
  return math::fit_slope(x, y);
}

// measure(values, n) of the class of networks, beside factor(values) times the bound of its complexity.
template <class Measure, class Factor>
Curve curve_of(const BoundStudySpec& spec, const Measure& measure, const Factor& factor) {
  System system = parse_system(poisson);
  const NetworkClass drawn = draw_class(spec, HiddenWeight::glorot);
  const ClassValues values = class_values(system, system.equations[0].residual, drawn);
  const std::vector<double> norms = class_norms(system, drawn, 1);
  Curve curve;
  for (const std::int64_t n : spec.points) {
    const auto count = static_cast<double>(n);
    const double bound = residual_complexity(system, system.equations[0].residual, 1, count, norms).value;
    curve.add(count, measure(values, n), factor(values) * bound);
  }
  return curve;
}

Claim complexity_rate(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const auto measure = [&spec](const ClassValues& values, std::int64_t n) {
    return rademacher(values, n, spec.replicates, stream_of(spec, "signs", static_cast<std::size_t>(n)));
  };
  const Curve curve = curve_of(spec, measure, [](const ClassValues&) { return 1.0; });
  record(store, claim.id, "1-complexity", "Complexity of the residuals of a class of networks", curve);
  return judge_slope(std::move(claim), slope_of(curve));
}

Claim gap_rate(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const auto measure = [&spec](const ClassValues& values, std::int64_t n) {
    return uniform_gap(values, n, spec.replicates, stream_of(spec, "gap", static_cast<std::size_t>(n)));
  };
  // In expectation: without the confidence's part.
  const Curve curve = curve_of(spec, measure, [](const ClassValues& values) { return 4 * values.largest(); });
  record(store, claim.id, "2-gap", "Largest gap of the mean squared residual in a class of networks", curve);
  return judge_slope(std::move(claim), slope_of(curve));
}

Claim ball(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  double worst = 2;
  claim.expected = "between 0.5 and 1";
  for (const int s : {1, 2}) {
    constexpr std::int64_t n = 100;
    const MeanInterval found =
        ball_complexity(s, n, spec.replicates, stream_of(spec, "ball", static_cast<std::size_t>(s)));
    const double bound = std::sqrt(kernel_constant_squared(s, 1) / n);
    store.record(study::Metric{.task = claim.id,
                               .name = fmt::format("complexity over its bound, H^{}", s),
                               .value = found.mean / bound,
                               .lower = found.lower / bound,
                               .upper = found.upper / bound});
    if (found.mean / bound > worst) continue;
    worst = found.mean / bound;
    claim.value = worst;
    claim.lower = found.lower / bound;
    claim.upper = found.upper / bound;
    claim.note = fmt::format("the looser, H^{}, {} points", s, n);
  }
  claim.verdict = *claim.lower > 0.5 && *claim.upper < 1   ? Verdict::holds
                  : *claim.upper < 0.5 || *claim.lower > 1 ? Verdict::fails
                                                           : Verdict::inconclusive;
  return claim;
}

}  // namespace

std::vector<KnownClaim> rate_claims() {
  const char* slope = "slope in log n, Student interval";
  const char* falsifier = "an interval above -0.45";
  return {{{.id = "complexity-rate",
            .statement = "the Rademacher complexity of the residuals of a class falls like n^(-1/2)",
            .source = bound_paper,
            .measured_as = std::string("Monte Carlo over points and signs, networks drawn once; ") + slope,
            .falsifier = falsifier},
           complexity_rate},
          {{.id = "uniform-gap-rate",
            .statement = "the largest generalisation gap in a class of networks falls like n^(-1/2)",
            .source = bound_paper,
            .measured_as = std::string("mean over samples of the largest E r^2 - mean r^2; ") + slope,
            .falsifier = falsifier},
           gap_rate},
          {{.id = "ball-tightness",
            .statement = "for balls of Sobolev spaces the kernel's constant loses less than a factor of two",
            .source = "P. Bartlett, S. Mendelson, JMLR 3, 2002, Lemma 22, with Sobolev kernels",
            .measured_as = "E sqrt(e^T K e)/n over B/sqrt(n), the looser of H^1 and H^2",
            .falsifier = "a ratio above 1, or below 1/2"},
           ball}};
}

}  // namespace starling::pinn
