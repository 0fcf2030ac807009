#include "starling/systems/drift/claims.h"

#include <fmt/format.h>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <functional>
#include <map>

#include "starling/math/statistics.h"
#include "starling/metrics/distances.h"
#include "starling/systems/drift/observables.h"
#include "starling/systems/drift/particle_flow.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using study::Claim;
using study::Verdict;

constexpr const char* paper =
    "K. Balasubramanian, arXiv:2605.22795 (our reconstruction: its constants are not known to us)";

Points<double> random_cloud(const StudySpec& spec, const char* purpose, std::int64_t index, Index n,
                            Index d) {
  base::Stream stream(static_cast<std::uint64_t>(spec.common.seed), 0, purpose,
                      static_cast<std::uint64_t>(index));
  Points<double> out(n, d);
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

// N points that stand for a standard normal without noise: mid-quantiles in one dimension, and in two a
// Kronecker lattice with the plastic number mapped by the quantile function.
Points<double> normal_lattice(Index n, Index d) {
  constexpr double plastic = 1.32471795724474602596;
  Points<double> out(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) {
      double share = (static_cast<double>(i) + 0.5) / static_cast<double>(n);
      if (d == 2) {
        share = 0.5 + static_cast<double>(i + 1) * std::pow(plastic, -static_cast<double>(k + 1));
        share -= std::floor(share);
      }
      out(i, k) = boost::math::quantile(boost::math::normal(), share);
    }
  }
  return out;
}

// An identity holds when its largest relative error is at rounding level.
Claim identity(Claim claim, double error, double tolerance) {
  claim.value = error;
  claim.expected = fmt::format("at most {:g}", tolerance);
  claim.verdict = error <= tolerance ? Verdict::holds : Verdict::fails;
  return claim;
}

Claim entropy_identity(Claim claim, const StudySpec& spec, study::Store&) {
  const double times[] = {0.5, 1};
  double error = 0;
  for (std::int64_t r = 0; r < spec.replicates; ++r) {
    const auto balance = entropy_balance(random_cloud(spec, "model", r, 4, 2),
                                         random_cloud(spec, "data", r, 5, 2), 0.6, times);
    for (std::size_t i = 0; i < 2; ++i) {
      error = std::max(
          error, std::abs(balance.change[i] - balance.integral[i]) / (1 + std::abs(balance.integral[i])));
    }
  }
  return identity(std::move(claim), error, 1e-9);
}

Claim kl_identity(Claim claim, const StudySpec& spec, study::Store&) {
  using Rule = boost::math::quadrature::gauss<double, 30>;
  constexpr double h = 0.5;
  const FieldSpec field{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = h};
  double error = 0;
  for (std::int64_t r = 0; r < spec.replicates; ++r) {
    const auto x = random_cloud(spec, "model", r, 4, 1), y = random_cloud(spec, "data", r, 3, 1);
    const Target target = Target::data(y, h);
    const auto dissipation = [&](double t) {
      const double times[] = {t};
      const auto now = particle_flow(field, x, y, times, {.rtol = 1e-12, .atol = 1e-13})[0];
      const base::Vector<double> v = velocity<double>(field, now, y).col(0);
      return v.dot(smoothed_velocity_1d(now, target)) / static_cast<double>(now.rows());
    };
    const double times[] = {1};
    const auto end = particle_flow(field, x, y, times, {.rtol = 1e-12, .atol = 1e-13})[0];
    const double lost = smoothed_kl(x, target) - smoothed_kl(end, target);
    error = std::max(error, std::abs(Rule::integrate(dissipation, 0.0, 1.0) - lost) / (1 + std::abs(lost)));
  }
  return identity(std::move(claim), error, 1e-6);
}

Claim companion_decomposition(Claim claim, const StudySpec& spec, study::Store&) {
  double error = 0, residual = 0, total = 0;
  for (std::int64_t r = 0; r < spec.replicates; ++r) {
    const auto x = random_cloud(spec, "model", r, 20, 2), y = random_cloud(spec, "data", r, 30, 2),
               z = random_cloud(spec, "probe", r, 10, 2);
    const Decomposition d = decompose(z, x, y, 0.7);
    const auto v = velocity_at({.scale = 0.7}, z, x, y);
    error = std::max(error, (d.sharp + d.residual - v).cwiseAbs().maxCoeff());
    residual += d.residual.rowwise().norm().sum();
    total += v.rowwise().norm().sum();
  }
  claim.note = fmt::format("the residual's mean length is {:.2f} of the field's", residual / total);
  return identity(std::move(claim), error, 1e-12);
}

// The largest |curl| of a field over random probes in the plane.
double largest_curl(const StudySpec& spec, const FieldSpec& field) {
  double largest = 0;
  for (std::int64_t r = 0; r < spec.replicates; ++r) {
    const auto x = random_cloud(spec, "model", r, 20, 2), y = random_cloud(spec, "data", r, 30, 2),
               z = random_cloud(spec, "probe", r, 10, 2);
    for (Index i = 0; i < z.rows(); ++i) {
      const auto j = jacobian_at(field, z.row(i).transpose(), x, y);
      largest = std::max(largest, std::abs(j(1, 0) - j(0, 1)));
    }
  }
  return largest;
}

Claim conservative_fields(Claim claim, const StudySpec& spec, study::Store&) {
  double curl = 0;
  for (const FieldSpec& field :
       {FieldSpec{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = 0.6},
        FieldSpec{.field = Field::conservative, .scale = 0.7}, FieldSpec{.field = Field::sharp}}) {
    curl = std::max(curl, largest_curl(spec, field));
  }
  return identity(std::move(claim), curl, 1e-12);
}

Claim laplace_residual(Claim claim, const StudySpec& spec, study::Store&) {
  claim.value = largest_curl(spec, {.scale = 0.7});
  claim.expected = "above 0.001";
  claim.verdict = *claim.value > 1e-3 ? Verdict::holds : Verdict::inconclusive;
  return claim;
}

Claim two_particles(Claim claim, const StudySpec&, study::Store&) {
  double error = 0;
  for (const double h : {0.2, 0.5}) {
    Points<double> x(2, 1);
    x << -0.4, 0.4;
    const double times[] = {35};
    const auto end = conservative_flow(x, Target::normal(1, h), times, {.rtol = 1e-12, .atol = 1e-13})[0];
    error = std::max(error, std::abs(end(1, 0) - h * std::sqrt(0.5 * std::log(1 + 2 / (h * h)))));
  }
  return identity(std::move(claim), error, 1e-10);
}

Claim step_guarantee(Claim claim, const StudySpec& spec, study::Store&) {
  const FieldSpec field{.field = Field::conservative, .kernel = Kernel::gaussian, .scale = 0.6};
  const Points<double> axis = Points<double>::Ones(1, 1);
  double ratio = 0;
  for (std::int64_t r = 0; r < spec.replicates; ++r) {
    const auto x = random_cloud(spec, "model", r, 20, 1), y = random_cloud(spec, "data", r, 30, 1);
    const auto v = velocity<double>(field, x, y);
    const double root = std::sqrt(v.squaredNorm() / static_cast<double>(x.rows()));
    for (const double eta : {0.05, 0.36, 2.0}) {
      const Points<double> moved = x + eta * v;
      ratio = std::max(ratio, std::sqrt(metrics::sliced_wasserstein(x, moved, axis, 2)) / (eta * root));
    }
  }
  claim.value = ratio;
  claim.expected = "at most 1";
  claim.verdict = ratio <= 1 + 1e-12 ? Verdict::holds : Verdict::fails;
  return claim;
}

// A slope in log N against a theoretical bound on it: decay at least that fast holds, slower fails, an
// interval that holds the bound is inconclusive.
Claim rate(Claim claim, const StudySpec& spec, study::Store& store, const std::vector<double>& log_values,
           double bound, const std::string& label) {
  std::vector<double> log_n;
  for (const auto n : spec.particles) log_n.push_back(std::log(static_cast<double>(n)));
  const math::SlopeFit fit = math::fit_slope(log_n, log_values);
  claim.value = fit.slope;
  claim.lower = fit.lower;
  claim.upper = fit.upper;
  claim.expected = fmt::format("at most {:.4f}", bound);
  claim.verdict = fit.upper <= bound  ? Verdict::holds
                  : fit.lower > bound ? Verdict::fails
                                      : Verdict::inconclusive;
  const auto local = math::local_slopes(log_n, log_values);
  claim.note = fmt::format("local slopes {:.3f}", fmt::join(local, ", "));
  nlohmann::json measured = {{"label", label}, {"mode", "markers"}},
                 line = {{"label", "bound's slope"}, {"mode", "lines"}};
  for (std::size_t i = 0; i < log_n.size(); ++i) {
    measured["x"].push_back(std::exp(log_n[i]));
    measured["y"].push_back(std::exp(log_values[i]));
    line["x"].push_back(std::exp(log_n[i]));
    line["y"].push_back(std::exp(log_values[0] + bound * (log_n[i] - log_n[0])));
  }
  store.record(study::Figure{claim.id,
                             claim.statement,
                             claim.source,
                             {{"kind", "xy"},
                              {"x_label", "particles N"},
                              {"y_label", label},
                              {"log_x", true},
                              {"log_y", true},
                              {"groups", {measured, line}}}});
  return claim;
}

Claim fisher_rate(Claim claim, const StudySpec& spec, study::Store& store, Index d) {
  std::vector<double> values;
  for (const std::int64_t n : spec.particles) {
    const double h = std::pow(static_cast<double>(n), -1.0 / static_cast<double>(d + 4));
    const Target target = Target::normal(1, h);
    const double times[] = {spec.horizon};
    const auto end = conservative_flow(normal_lattice(n, d), target, times, {.rtol = 1e-9, .atol = 1e-11})[0];
    values.push_back(0.5 * std::log(smoothed_fisher(end, target)));
  }
  return rate(std::move(claim), spec, store, values, -1.0 / static_cast<double>(d + 4),
              fmt::format("root of F_h, d = {}", d));
}

Claim gaussian_limit(Claim claim, const StudySpec& spec, study::Store& store) {
  std::vector<double> values;
  const double times[] = {0.5};
  for (const std::int64_t n : spec.particles) {
    const Points<double> start = (1 + 0.5 * normal_lattice(n, 1).array()).matrix();
    const auto end = conservative_flow(start, Target::normal(1, 0.3), times, {})[0];
    const double variance = (end.array() - end.mean()).square().mean();
    values.push_back(std::log(std::abs(variance - gaussian_variance(0.25, 1, 0.09, 0.5))));
  }
  return rate(std::move(claim), spec, store, values, -0.5, "error of the variance");
}

using Measure = std::function<Claim(Claim, const StudySpec&, study::Store&)>;

struct Known {
  Claim claim;
  Measure measure;
};

Claim state(std::string id, std::string statement, std::string source, std::string measured_as,
            std::string falsifier) {
  Claim claim;
  claim.id = std::move(id);
  claim.statement = std::move(statement);
  claim.source = std::move(source);
  claim.measured_as = std::move(measured_as);
  claim.falsifier = std::move(falsifier);
  return claim;
}

const std::vector<Known>& all() {
  static const std::vector<Known> known = {
      {state("conservative-fields",
             "the Gaussian and Laplace gradient fields and the sharp field have no curl",
             "Franz et al., arXiv:2604.06333",
             "largest |curl| of the closed-form Jacobian over random clouds and probes in the plane",
             "a curl above 1e-12"),
       conservative_fields},
      {state("decomposition",
             "the Laplace displacement is a preconditioned gradient plus a scale-mismatch residual", paper,
             "largest |sharp + residual - V| over random clouds and probes", "an error above 1e-12"),
       companion_decomposition},
      {state("entropy-identity", "joint entropy changes by -N S_N plus the self term along the flow", paper,
             "change from the flow's Jacobian against the integral, random clouds, N = 4, d = 2, h = 0.6",
             "a relative error above 1e-9"),
       entropy_identity},
      {state("fisher-rate-1", "root F_h falls at least as N^(-1/(d+4)) for h = N^(-1/(d+4)), d = 1", paper,
             "slope of log sqrt F_h in log N with a 95% t interval, noiseless starts, exact smoothed target",
             "an interval above -0.2"),
       [](Claim c, const StudySpec& s, study::Store& st) { return fisher_rate(std::move(c), s, st, 1); }},
      {state("fisher-rate-2", "root F_h falls at least as N^(-1/(d+4)) for h = N^(-1/(d+4)), d = 2", paper,
             "slope of log sqrt F_h in log N with a 95% t interval, noiseless starts, exact smoothed target",
             "an interval above -0.1667"),
       [](Claim c, const StudySpec& s, study::Store& st) { return fisher_rate(std::move(c), s, st, 2); }},
      {state("gaussian-limit", "the variance of the cloud tends to the closed Gaussian dynamics as N grows",
             "derived: moment equations under the Gaussian kernel",
             "slope of the log error of the variance at t = 0.5 in log N", "an interval above -0.5"),
       gaussian_limit},
      {state("kl-identity", "KL(q_h | pi_h) falls by the mean of v·(K_h * v)",
             "derived: companion identity of the smoothed laws",
             "loss of KL on [0, 1] against the integral of the dissipation, random clouds, d = 1, h = 0.5",
             "a relative error above 1e-6"),
       kl_identity},
      {state("laplace-residual", "the Laplace displacement field is not conservative",
             "Franz et al., arXiv:2604.06333", "largest |curl| over random clouds and probes in the plane",
             "no curl above 0.001 anywhere: inconclusive"),
       laplace_residual},
      {state("step-guarantee", "a step of length eta moves the cloud by at most eta sqrt(C_N) in W2", paper,
             "exact W2 on the line over eta sqrt(C_N), random clouds, eta = 0.05, 0.36, 2",
             "a ratio above 1"),
       step_guarantee},
      {state("two-particles",
             "two particles rest at h sqrt(ln(1 + 2/h^2) / 2) from the centre of a standard normal",
             "derived", "position at t = 35 against the formula, h = 0.2 and 0.5", "an error above 1e-10"),
       two_particles}};
  return known;
}

}  // namespace

void describe(study::Description& d, StudySpec& spec) {
  study::describe_common(d, spec.common);
  d.section("study", "The sizes over which theory is held against measurement.");
  d.integers("particles", spec.particles, {.minimum = 2, .maximum = 65536},
             "sizes N of the rates, at least three");
  d.real("horizon", spec.horizon, {.minimum = 0, .maximum = 100, .open_minimum = true},
         "time at which rates are read");
  d.integer("replicates", spec.replicates, {.minimum = 1, .maximum = 10000},
            "random clouds behind each identity");
}

std::vector<Claim> claim_catalogue() {
  std::vector<Claim> out;
  for (const Known& known : all()) out.push_back(known.claim);
  return out;
}

Claim measure(const Claim& claim, const StudySpec& spec, study::Store& store) {
  for (const Known& known : all()) {
    if (known.claim.id == claim.id) return known.measure(claim, spec, store);
  }
  return claim;
}

}  // namespace starling::drift
