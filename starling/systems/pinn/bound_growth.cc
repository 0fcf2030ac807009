#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/math/legendre.h"
#include "starling/systems/pinn/bound_claims.h"
#include "starling/systems/pinn/bound_study.h"

namespace starling::pinn {
namespace {

using math::MeanInterval;
using study::Claim;
using study::Verdict;

constexpr std::int64_t points = 128;  // where degrees, orders and forms are compared
constexpr double smoothness = 1;

std::string on_interval(const std::string& residual) {
  return "unknowns u; axes x; " + residual + " = 0; domain x = -1..1";
}

// The measured complexity of a residual over the drawn class, and its bound.
struct Compared {
  MeanInterval measured;
  Complexity bound;
  double largest = 0;
};

class Comparison {
 public:
  explicit Comparison(const BoundStudySpec& spec)
      : spec_(spec), drawn_(draw_class(spec, HiddenWeight::glorot)) {
    norms_ = class_norms(parse_system(on_interval("u")), drawn_, smoothness);
  }
  const std::vector<double>& norms() const { return norms_; }
  const NetworkClass& drawn() const { return drawn_; }

  Compared of(System& system) const {
    const int residual = system.equations[0].residual;
    const ClassValues values = class_values(system, residual, drawn_);
    return {measured(values), residual_complexity(system, residual, smoothness, points, norms_),
            values.largest()};
  }
  MeanInterval measured(const ClassValues& values) const {
    return rademacher(values, points, spec_.replicates,
                      {static_cast<std::uint64_t>(spec_.common.seed), 0, "growth", 0});
  }

 private:
  const BoundStudySpec& spec_;
  NetworkClass drawn_;
  std::vector<double> norms_;
};

// The factor by which a complexity grows a step, from the slope of its logarithm.
struct Growth {
  std::vector<double> step{}, log_measured{}, log_bound{};
  void add(double at, const Compared& found) {
    step.push_back(at);
    log_measured.push_back(std::log(found.measured.mean));
    log_bound.push_back(std::log(found.bound.value));
  }
  Claim judge(Claim claim, study::Store& store, const std::string& figure, const std::string& label) const {
    const math::SlopeFit fit = math::fit_slope(step, log_measured), limit = math::fit_slope(step, log_bound);
    claim.value = std::exp(fit.slope);
    claim.lower = std::exp(fit.lower);
    claim.upper = std::exp(fit.upper);
    claim.expected = fmt::format("above 1, at most the bound's {:.3g}", std::exp(limit.slope));
    const bool grows = fit.lower > 0, within = fit.upper <= limit.slope;
    claim.verdict = grows && within                            ? Verdict::holds
                    : fit.upper < 0 || fit.lower > limit.slope ? Verdict::fails
                                                               : Verdict::inconclusive;
    std::vector<double> measured, bound;
    for (std::size_t i = 0; i < step.size(); ++i) {
      measured.push_back(std::exp(log_measured[i]));
      bound.push_back(std::exp(log_bound[i]));
    }
    store.record(study::Figure{
        figure,
        "Complexity of the residuals against the " + label,
        fmt::format("{} points; factors of {:.3g} a step measured, {:.3g} of the reconstructed bound.",
                    points, std::exp(fit.slope), std::exp(limit.slope)),
        {{"kind", "xy"},
         {"x_label", label},
         {"log_y", true},
         {"groups",
          {{{"label", "measured"}, {"x", step}, {"y", measured}, {"mode", "lines+markers"}},
           {{"label", "reconstructed bound"}, {"x", step}, {"y", bound}, {"mode", "lines+markers"}}}}}});
    return claim;
  }
};

void record(study::Store& store, const std::string& task, const std::string& name, const Compared& found) {
  store.record(study::Metric{.task = task,
                             .name = name,
                             .value = found.measured.mean,
                             .lower = found.measured.lower,
                             .upper = found.measured.upper,
                             .note = fmt::format("bound {:.3g}", found.bound.value)});
}

Claim judge_degree(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const Comparison compare(spec);
  Growth growth;
  for (std::int64_t p = 1; p <= spec.degree; ++p) {
    System system = parse_system(on_interval(fmt::format("u^{}", p)));
    const Compared found = compare.of(system);
    growth.add(static_cast<double>(p), found);
    record(store, claim.id, fmt::format("complexity of u^{}", p), found);
  }
  return growth.judge(std::move(claim), store, "3-degree", "degree");
}

Claim judge_order(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const Comparison compare(spec);
  Growth growth;
  for (const int k : {0, 1, 2, 3, 4}) {
    System system =
        parse_system(on_interval(k == 0 ? "u" : "u_" + std::string(static_cast<std::size_t>(k), 'x')));
    const Compared found = compare.of(system);
    growth.add(k, found);
    record(store, claim.id, fmt::format("complexity of order {}", k), found);
  }
  return growth.judge(std::move(claim), store, "4-order", "order");
}

const std::pair<const char*, const char*> equations[] = {
    {"Poisson", "-u_xx"},
    {"steady Burgers", "u*u_x - 0.01*u_xx"},
    {"steady Allen-Cahn", "0.01*u_xx - 5*u^3 + 5*u"},
    {"steady Korteweg-de Vries", "6*u*u_x + u_xxx"},
    {"steady Kuramoto-Sivashinsky", "u*u_x + u_xx + u_xxxx"},
    {"sine-Gordon", "u_xx - sin(u)"},
    {"variable conductivity", "(1 + x^2/2)*u_xx + x*u_x"},
};

// Coefficients that vary count with their root mean square over the interval, which any sample approaches.
double size_on_interval(const System& system, const NetworkClass& drawn, int node) {
  double sum = 0;
  const ClassValues values = class_values(system, node, {drawn.network, {drawn.members.front()}});
  for (const double value : values.values.front()) sum += value * value;
  return std::sqrt(sum / static_cast<double>(pool_size));
}

Complexity measured_bound(System& system, const Comparison& compare) {
  return residual_complexity(system, system.equations[0].residual, smoothness, points, compare.norms(),
                             [&](int node) { return size_on_interval(system, compare.drawn(), node); });
}

Claim judge_above_complexity(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  const Comparison compare(spec);
  claim.value = 0;
  for (const auto& [name, residual] : equations) {
    System system = parse_system(on_interval(residual));
    Compared found = compare.of(system);
    found.bound = measured_bound(system, compare);
    record(store, claim.id, std::string("complexity, ") + name, found);
    const double share = found.measured.mean / found.bound.value;
    if (share <= *claim.value) continue;
    claim.value = share;
    claim.lower = found.measured.lower / found.bound.value;
    claim.upper = found.measured.upper / found.bound.value;
    claim.note = std::string("the tightest: ") + name;
  }
  claim.expected = "at most 1";
  claim.verdict = *claim.upper <= 1  ? Verdict::holds
                  : *claim.lower > 1 ? Verdict::fails
                                     : Verdict::inconclusive;
  return claim;
}

// Values of a node of every member times a test function or its slope, at the pool's points.
ClassValues tested(const System& system, int node, const NetworkClass& drawn, std::size_t test, bool slope) {
  ClassValues out = class_values(system, node, drawn);
  const std::vector<double> at = pool_points();
  std::vector<double> p(test + 2);
  for (std::size_t i = 0; i < at.size(); ++i) {
    math::legendre_values(static_cast<int>(test) + 1, at[i], p.data());
    const double factor = slope ? static_cast<double>(2 * test + 1) * p[test] : p[test + 1] - p[test - 1];
    for (auto& each : out.values) each[i] *= factor;
  }
  return out;
}

// ∫ u' v' against ∫ u'' v: which residuals, as functions of the point, have the smaller complexity.
Claim judge_weak_form(Claim claim, const BoundStudySpec& spec, study::Store& store) {
  System system = parse_system(on_interval("u_x + u_xx"));
  const int first = system.graph.symbol({.index = {1}}), second = system.graph.symbol({.index = {2}});
  const Comparison compare(spec);
  std::vector<double> number, measured, bound;
  for (std::int64_t k = 1; k <= spec.tests; ++k) {
    const auto test = static_cast<std::size_t>(k);
    const MeanInterval weak = compare.measured(tested(system, first, compare.drawn(), test, true)),
                       strong = compare.measured(tested(system, second, compare.drawn(), test, false));
    // The root mean squares of v' and v on the interval.
    const double degree = static_cast<double>(k),
                 sizes = std::sqrt((2 * degree + 1) / (1 / (2 * degree + 3) + 1 / (2 * degree - 1)));
    number.push_back(degree);
    measured.push_back(weak.mean / strong.mean);
    bound.push_back(sizes * compare.norms()[1] / compare.norms()[2]);
    store.record(study::Metric{.task = claim.id,
                               .name = fmt::format("weak over strong form, test function {}", k),
                               .value = measured.back(),
                               .note = fmt::format("{:.3g} in the bound", bound.back())});
    if (k > 1) continue;
    claim.value = measured.back();
    claim.lower = weak.lower / strong.upper;
    claim.upper = weak.upper / strong.lower;
  }
  claim.expected = "below 1";
  claim.verdict = *claim.upper < 1    ? Verdict::holds
                  : *claim.lower >= 1 ? Verdict::fails
                                      : Verdict::inconclusive;
  const auto beyond = std::ranges::find_if(measured, [](double ratio) { return ratio > 1; });
  claim.note = beyond == measured.end()
                   ? fmt::format("the same to test function {}", spec.tests)
                   : fmt::format("not beyond: above 1 from test function {}", beyond - measured.begin() + 1);
  store.record(study::Figure{
      "5-weak",
      "Complexity of the weak form over that of the strong one",
      "Of u' v' and u'' v, v = P_(k+1) - P_(k-1); below 1 integration by parts helps.",
      {{"kind", "xy"},
       {"x_label", "test function"},
       {"log_y", true},
       {"groups",
        {{{"label", "measured"}, {"x", number}, {"y", measured}, {"mode", "lines+markers"}},
         {{"label", "reconstructed bound"}, {"x", number}, {"y", bound}, {"mode", "lines+markers"}}}}}});
  return claim;
}

}  // namespace

void record_equation_table(const BoundStudySpec& spec, study::Store& store) {
  const Comparison compare(spec);
  for (std::size_t k = 0; k < compare.norms().size(); ++k) {
    store.record(study::Metric{.task = "factors",
                               .name = fmt::format("norm in H^{:g}", smoothness + static_cast<double>(k)),
                               .value = compare.norms()[k],
                               .note = "largest of the class, cut off smoothly beyond the interval"});
  }
  for (const auto& [name, residual] : equations) {
    System system = parse_system(on_interval(residual));
    const double largest = class_values(system, system.equations[0].residual, compare.drawn()).largest();
    record_row(store, "factors", system,
               {.name = name,
                .complexity = measured_bound(system, compare),
                .n = points,
                .norms = compare.norms(),
                .largest = largest});
  }
}

std::vector<KnownClaim> growth_claims() {
  return {{{.id = "degree-growth",
            .statement = "the complexity of the residuals grows exponentially in their degree",
            .source = bound_paper,
            .measured_as = "factor a degree of the complexity of u^p, from the slope of its logarithm, "
                           "Student interval",
            .falsifier = "an interval below 1, or above the bound's factor B |u|"},
           judge_degree},
          {{.id = "order-growth",
            .statement = "the complexity of the residuals grows with the order of the equation",
            .source = bound_paper,
            .measured_as = "factor an order of the complexity of the k-th derivative, from the slope of its "
                           "logarithm, Student interval",
            .falsifier = "an interval below 1, or above the bound's factor |u|_{s+k+1} / |u|_{s+k}"},
           judge_order},
          {{.id = "weak-below-strong",
            .statement = "a derivative moved to the first test function lowers the complexity",
            .source = bound_paper,
            .measured_as = "complexity of u' v' over that of u'' v, v = P_2 - P_0",
            .falsifier = "an interval above 1"},
           judge_weak_form},
          {{.id = "bound-above-complexity",
            .statement = "the bound lies above the measured complexity for every equation",
            .source = bound_paper,
            .measured_as = "the largest measured complexity over its bound, of seven equations",
            .falsifier = "a ratio above 1"},
           judge_above_complexity}};
}

}  // namespace starling::pinn
