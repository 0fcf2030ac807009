#include "starling/systems/drift/rate_protocols.h"

#include <fmt/format.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "starling/base/parallel.h"
#include "starling/base/random.h"
#include "starling/math/statistics.h"
#include "starling/systems/drift/cloud_measures.h"
#include "starling/systems/drift/observables.h"
#include "starling/systems/drift/particle_flow.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;

// N points that stand for a standard normal without noise: mid-quantiles in one dimension, and in two and
// three a Kronecker lattice (the plastic number and its kin: roots of g^(d+1) = g + 1) mapped by the quantile
// function.
Points<double> normal_lattice(Index n, Index d) {
  const double g = d == 2 ? 1.32471795724474602596 : 1.22074408460575947536;
  Points<double> out(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) {
      double share = (static_cast<double>(i) + 0.5) / static_cast<double>(n);
      if (d > 1) {
        share = 0.5 + static_cast<double>(i + 1) * std::pow(g, -static_cast<double>(k + 1));
        share -= std::floor(share);
      }
      out(i, k) = boost::math::quantile(boost::math::normal(), share);
    }
  }
  return out;
}

// Sizes, dimensions and starts never share numbers: errors of the points of a rate are independent.
base::Stream start_stream(const StudySpec& spec, base::Purpose purpose, Index n, Index d,
                          std::int64_t start) {
  return {static_cast<std::uint64_t>(spec.common.seed), static_cast<std::uint32_t>(n), purpose,
          static_cast<std::uint64_t>(4 * start + d)};
}

Points<double> normal_start(const StudySpec& spec, Index n, Index d, std::int64_t start) {
  base::Stream stream = start_stream(spec, "normal start", n, d, start);
  Points<double> out(n, d);
  stream.fill_normal(std::span<double>(out.data(), static_cast<std::size_t>(out.size())));
  return out;
}

Points<double> uniform_start(const StudySpec& spec, Index n, Index d, std::int64_t start) {
  base::Stream stream = start_stream(spec, "uniform start", n, d, start);
  Points<double> out(n, d);
  for (Index i = 0; i < out.size(); ++i) out.data()[i] = stream.uniform();
  return out;
}

double self_term(const Points<double>& x, double h) {
  Measures measures;
  add_occupancy({true, h}, x, measures);
  return measures.at("self_term");
}

double centre_velocity(const Points<double>& x, const Target& target) {
  return (target.score(x) - Target::data(x, target.bandwidth()).score(x)).squaredNorm() /
         static_cast<double>(x.rows());
}

// The flow towards N(0, I) from `start` until T. The average over time is Simpson's rule in s, t = T s²: most
// happens early.
void take_flow(const Points<double>& start, double h, double horizon, Samples& out) {
  constexpr int intervals = 40;
  std::vector<double> times;
  for (int i = 0; i <= intervals; ++i)
    times.push_back(horizon * std::pow(static_cast<double>(i) / intervals, 2));
  const Target target = Target::normal(1, h);
  const auto clouds = conservative_flow(start, target, times, {.rtol = 1e-8, .atol = 1e-10});
  double average = 0;
  for (int i = 0; i <= intervals; ++i) {
    const double weight = i == 0 || i == intervals ? 1 : i % 2 == 1 ? 4 : 2;
    const double s = static_cast<double>(i) / intervals;
    average +=
        weight / (3 * intervals) * 2 * s * centre_velocity(clouds[static_cast<std::size_t>(i)], target);
  }
  out["mean centre velocity"] = average;
  out["centre velocity"] = centre_velocity(clouds.back(), target);
  // In three dimensions the grid is out of reach, and the noise of random draws would pass for a slope.
  out["smoothed fisher"] = start.cols() < 3 ? smoothed_fisher(clouds.back(), target, 5)
                                            : smoothed_fisher_hermite(clouds.back(), target);
  out["self term"] = self_term(clouds.back(), h);
}

void take_independent(const Protocol& p, const StudySpec& spec, Index n, Index d, std::int64_t start,
                      Samples& out) {
  take_flow(normal_start(spec, n, d, start), p.bandwidth(spec, n, d), spec.horizon, out);
}

// The root of a mean over starts, and the half width of its 95% interval.
void record_root(const std::string& task, const std::string& name, std::int64_t n,
                 const std::vector<double>& values, study::Store& store) {
  const math::MeanInterval mean = math::mean_interval(values);
  const double root = std::sqrt(mean.mean);
  store.record(task, "root " + name, "", std::vector<study::SeriesPoint>{{n, root}});
  if (values.size() < 2) return;
  store.record(task, "half width of root " + name, "",
               std::vector<study::SeriesPoint>{{n, (mean.upper - mean.mean) / (2 * root)}});
}

}  // namespace

std::string Protocol::task(Index d) const {
  return fmt::format("{}, d = {}", id, d);
}

double Protocol::bandwidth(const StudySpec& spec, Index n, Index d) const {
  return std::pow(static_cast<double>(n), -1 / (static_cast<double>(d) + 4 - beta(spec)));
}

double Protocol::exponent(const StudySpec& spec, Index d) const {
  if (own_exponent) return *own_exponent;
  return -(2 - beta(spec)) / (2 * (static_cast<double>(d) + 4 - beta(spec)));
}

const Protocol noiseless{
    .id = "noiseless starts",
    .words = "h = N^(-1/(d+4)), flow towards N(0, I) from noiseless starts",
    .repeated = false,
    .take = [](const Protocol& p, const StudySpec& spec, Index n, Index d, std::int64_t, Samples& out) {
      take_flow(normal_lattice(n, d), p.bandwidth(spec, n, d), spec.horizon, out);
    }};

const Protocol independent{.id = "independent starts",
                           .words = "h = N^(-1/(d+4)), flow towards N(0, I) from independent starts",
                           .take = take_independent};

const Protocol independent_beta{
    .id = "independent starts, beta",
    .words = "h = N^(-1/(d+4-beta)), flow towards N(0, I) from independent starts",
    .uses_beta = true,
    .take = take_independent};

const Protocol uniform_law{
    .id = "uniform law",
    .words = "h = N^(-1/(d+4)), independent uniform points of the unit cube",
    .sizes = &StudySpec::samples,
    .take = [](const Protocol& p, const StudySpec& spec, Index n, Index d, std::int64_t start, Samples& out) {
      out["self term"] = self_term(uniform_start(spec, n, d, start), p.bandwidth(spec, n, d));
    }};

const Protocol normal_law{
    .id = "normal law",
    .words = "h = N^(-1/(d+4)), independent normal points",
    .sizes = &StudySpec::samples,
    .take = [](const Protocol& p, const StudySpec& spec, Index n, Index d, std::int64_t start, Samples& out) {
      out["self term"] = self_term(normal_start(spec, n, d, start), p.bandwidth(spec, n, d));
    }};

// Closed dynamics of a normal under a kernel that does not shrink: the error of the variance at t = 0.5.
// Squared, as all that is measured here.
const Protocol closed_dynamics{
    .id = "closed dynamics",
    .words = "h = 0.3, N(1, 0.25) towards N(0, 1)",
    .repeated = false,
    .own_exponent = -0.5,
    .take = [](const Protocol&, const StudySpec&, Index n, Index, std::int64_t, Samples& out) {
      const double times[] = {0.5};
      const Points<double> start = (1 + 0.5 * normal_lattice(n, 1).array()).matrix();
      const auto end = conservative_flow(start, Target::normal(1, 0.3), times, {})[0];
      const double variance = (end.array() - end.mean()).square().mean();
      const double error = variance - gaussian_variance(0.25, 1, 0.09, 0.5);
      out["variance error"] = error * error;
    }};

namespace {

std::string size_task(const Protocol& protocol, Index d, Index n) {
  return fmt::format("{}, N = {}", protocol.task(d), n);
}

void measure_size(const Protocol& protocol, Index d, Index n, const StudySpec& spec, study::Store& store) {
  std::vector<Samples> starts(static_cast<std::size_t>(protocol.repeated ? spec.seeds : 1));
  base::parallel_chunks(std::ssize(starts), 1, [&](std::ptrdiff_t start, std::ptrdiff_t) {
    protocol.take(protocol, spec, n, d, start, starts[static_cast<std::size_t>(start)]);
  });
  std::map<std::string, std::vector<double>> all;
  for (const Samples& samples : starts) {
    for (const auto& [name, value] : samples) all[name].push_back(value);
  }
  for (const auto& [name, values] : all) record_root(protocol.task(d), name, n, values, store);
}

}  // namespace

std::vector<study::Task> tasks_of(const Protocol& protocol, Index d, const StudySpec& spec) {
  std::vector<study::Task> out;
  for (const std::int64_t n : spec.*protocol.sizes) {
    out.push_back({size_task(protocol, d, n), [&protocol, d, n, &spec](study::TaskContext& task) {
                     measure_size(protocol, d, n, spec, task.store);
                   }});
    out.back().cost = static_cast<double>(n * n * d * (protocol.repeated ? spec.seeds : 1));
  }
  return out;
}

void ensure_measured(const Protocol& protocol, Index d, const StudySpec& spec, study::Store& store) {
  for (const std::int64_t n : spec.*protocol.sizes) {
    if (store.is_done(size_task(protocol, d, n))) continue;
    measure_size(protocol, d, n, spec, store);
    store.mark_done(size_task(protocol, d, n));
  }
}

}  // namespace starling::drift
