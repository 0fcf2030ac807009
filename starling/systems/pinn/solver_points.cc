// The terms of a training's loss: where their points lie, and what these weigh.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "starling/base/error.h"
#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/solution.h"
#include "starling/systems/pinn/solver.h"
#include "starling/systems/pinn/windows.h"

namespace starling::pinn {

base::Stream Solver::stream(const char* purpose, std::int64_t index) const {
  return {static_cast<std::uint64_t>(spec_.common.seed), static_cast<std::uint32_t>(state_.window), purpose,
          static_cast<std::uint64_t>(index)};
}

// At least one on either side.
std::int64_t Solver::share_of(std::int64_t count, Share share) const {
  if (!stops_early()) return count;
  const auto out =
      std::max<std::int64_t>(1, std::llround(spec_.solver.held_out * static_cast<double>(count)));
  return share == Share::held_out ? out : std::max<std::int64_t>(1, count - out);
}

std::vector<WeakForm> Solver::weak_forms() {
  std::vector<WeakForm> forms;
  if (spec_.points.form == EquationForm::collocation) return forms;
  check_variational();
  for (const Equation& equation : std::vector<Equation>(system_.equations))
    forms.push_back(weak_form(system_, equation));
  return forms;
}

void Solver::check_variational() const {
  const PointsSpec& points = spec_.points;
  const auto refuse = [](const std::string& what) {
    throw base::Error(base::ErrorKind::usage, "points.form: variational, " + what);
  };
  if (points.sampling != Sampling::fixed)
    refuse("but points.sampling is not fixed; expected fixed, since Gauss points stay");
  if (points.causal > 0)
    refuse(
        fmt::format("but points.causal is {}; expected 0, since tests reach over many times", points.causal));
  const std::size_t axes = system_.axes.size();
  if (points.elements.size() != 1 && points.elements.size() != axes)
    refuse(fmt::format("{} numbers in points.elements for the axes {}; expected one, or one an axis",
                       points.elements.size(), fmt::join(system_.axes, ", ")));
}

WeakMesh Solver::mesh() const {
  constexpr std::int64_t usual_surplus = 16;
  const PointsSpec& points = spec_.points;
  WeakMesh out{.tests = static_cast<int>(points.tests),
               .quadrature = static_cast<int>(points.quadrature == 0 ? points.tests + usual_surplus
                                                                     : points.quadrature)};
  for (std::size_t a = 0; a < system_.axes.size(); ++a) {
    const std::int64_t count = points.elements[points.elements.size() == 1 ? 0 : a];
    const double low = system_.domain->low[a], high = system_.domain->high[a];
    std::vector<double> edges;
    for (std::int64_t e = 0; e <= count; ++e)
      edges.push_back(e == count ? high
                                 : low + (high - low) * static_cast<double>(e) / static_cast<double>(count));
    out.edges.push_back(std::move(edges));
  }
  return out;
}

std::optional<Solver::Quadrature> Solver::quadrature() const {
  if (weak_.empty()) return std::nullopt;
  Quadrature out;
  double squares = 0, count = 0;
  for (const WeakForm& form : weak_) {
    WeakResidual residual(system_, form, problem_.network(), mesh());
    std::vector<double> values(static_cast<std::size_t>(residual.count()));
    residual.values(state_.parameters, values);
    for (const double value : values) squares += value * value;
    count += static_cast<double>(values.size());
    out.change =
        std::max(out.change, quadrature_error(system_, form, problem_.network(), mesh(), state_.parameters));
  }
  out.size = std::sqrt(squares / count);
  return out;
}

// The equations first, then the conditions in the order of the text, then the measurements.
Solver::Terms Solver::make_terms(Share share) const {
  const char* purpose = share == Share::training ? "interior" : "held_out";
  Terms out;
  if (share == Share::training && !weak_.empty()) {
    out.terms.push_back({.roots = equation_roots(system_), .weak = weak_, .mesh = mesh()});
  } else {
    out.terms.push_back(
        {.roots = equation_roots(system_),
         .points = interior_points(system_, share_of(spec_.points.interior, share), stream(purpose, 0))});
  }
  out.names.emplace_back("equations");
  add_conditions(out, share);
  add_measurements(out, share);
  return out;
}

// After the first window those at the first time give way to what the window before ends with.
void Solver::add_conditions(Terms& out, Share share) const {
  const char* purpose = share == Share::training ? "condition" : "held_out_condition";
  const std::int64_t count = share_of(spec_.points.condition, share);
  const auto in_time = std::ranges::find(system_.axes, "t") - system_.axes.begin();
  const auto t = static_cast<std::size_t>(in_time);
  const bool timed = t < system_.axes.size();
  for (std::size_t c = 0; c < system_.conditions.size(); ++c) {
    const Condition& condition = system_.conditions[c];
    const bool first = timed && condition.held[t] && *condition.held[t] == problem_.system().domain->low[t];
    if (first && state_.window > 0) continue;
    if (first) out.starts.push_back(out.terms.size());
    out.terms.push_back(
        {.roots = {condition.residual},
         .points = condition_points(system_, condition, count, stream(purpose, static_cast<std::int64_t>(c))),
         .weight = spec_.points.condition_weight});
    out.names.push_back(fmt::format("condition of line {}", condition.line));
  }
  if (state_.window == 0) return;
  Condition start{.held = std::vector<std::optional<double>>(system_.axes.size())};
  start.held[t] = system_.domain->low[t];
  LossTerm term{
      .roots = problem_.carried(),
      .points = condition_points(system_, start, count,
                                 stream(purpose, static_cast<std::int64_t>(system_.conditions.size()))),
      .weight = spec_.points.condition_weight};
  const std::size_t size = state_.parameters.size();
  term.targets = values_within(problem_, term.roots, std::span(state_.former).last(size), term.points);
  out.starts.push_back(out.terms.size());
  out.terms.push_back(std::move(term));
  out.names.emplace_back("window before");
}

void Solver::add_measurements(Terms& out, Share share) const {
  const Measurements& data = problem_.data();
  if (data.points.empty()) return;
  const std::size_t axes = system_.axes.size(), count = data.points.size() / axes;
  std::vector<std::int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  if (stops_early()) {
    base::Stream draws = stream("held_out_data", 0);
    draws.shuffle(rows);
    const auto cut = rows.begin() + share_of(static_cast<std::int64_t>(count), Share::held_out);
    if (share == Share::held_out) {
      rows.erase(cut, rows.end());
    } else if (count > 1) {
      rows.erase(rows.begin(), cut);
    }
    std::sort(rows.begin(), rows.end());
  }
  LossTerm term{.weight = spec_.problem.data_weight};
  for (const std::int64_t row : rows) {
    const auto begin = data.points.begin() + row * static_cast<std::ptrdiff_t>(axes);
    term.points.insert(term.points.end(), begin, begin + static_cast<std::ptrdiff_t>(axes));
  }
  for (std::size_t k = 0; k < data.values.size(); ++k) {
    term.roots.push_back(problem_.quantities()[k].node);
    for (const std::int64_t row : rows) term.targets.push_back(data.values[k][static_cast<std::size_t>(row)]);
  }
  out.terms.push_back(std::move(term));
  out.names.emplace_back("data");
}

void Solver::renew_points() {
  const std::int64_t draw = state_.step / spec_.points.renew_every;
  const auto wanted = static_cast<std::int64_t>(loss_.term(0).points.size() / system_.axes.size());
  if (spec_.points.sampling == Sampling::renewed) {
    loss_.set_points(0, interior_points(system_, wanted, stream("interior", draw)));
    return;
  }
  const std::size_t axes = system_.axes.size();
  const std::vector<double> pool =
      interior_points(system_, std::max(spec_.points.pool, wanted), stream("pool", draw));
  const std::size_t count = pool.size() / axes;
  loss_.set_points(0, pool);
  const std::vector<double> residuals = loss_.residuals(0, state_.parameters);
  std::vector<double> sizes(count);
  for (std::size_t i = 0; i < residuals.size(); ++i) sizes[i % count] += residuals[i] * residuals[i];
  for (double& size : sizes) size = std::sqrt(size);
  std::vector<double> points;
  for (const std::size_t i : draw_by_size(sizes, static_cast<std::size_t>(wanted), spec_.points.power,
                                          spec_.points.offset, stream("adaptive", draw))) {
    points.insert(points.end(), pool.begin() + static_cast<std::ptrdiff_t>(i * axes),
                  pool.begin() + static_cast<std::ptrdiff_t>((i + 1) * axes));
  }
  loss_.set_points(0, std::move(points));
}

// w_k = exp(-ε Σ_{j<k} L_j) for the points of the k-th part of time, L_j the mean square of the equations
// there and L_0 before all that of what is asked at the first time (Wang, Sankaran & Perdikaris, CMAME 421,
// 2024).
void Solver::weigh_times() {
  const System& system = system_;
  const std::size_t t = time_axis(system, "points.causal");
  const double low = system.domain->low[t], high = system.domain->high[t];
  const auto chunks = static_cast<std::size_t>(spec_.points.chunks);
  const std::vector<double>& points = loss_.term(0).points;
  const std::size_t axes = system.axes.size(), count = points.size() / axes;
  std::vector<std::size_t> chunk(count);
  std::vector<double> sums(chunks), sizes(chunks);
  for (std::size_t i = 0; i < count; ++i) {
    const double share = (points[i * axes + t] - low) / (high - low);
    chunk[i] = std::min(chunks - 1, static_cast<std::size_t>(share * static_cast<double>(chunks)));
    sizes[chunk[i]] += 1;
  }
  const std::vector<double> residuals = loss_.residuals(0, state_.parameters);
  for (std::size_t i = 0; i < residuals.size(); ++i) sums[chunk[i % count]] += residuals[i] * residuals[i];
  double before = 0;
  for (const std::size_t number : described_.starts) {
    const std::vector<double> first = loss_.residuals(number, state_.parameters);
    for (const double r : first)
      before += loss_.term(number).weight * r * r / static_cast<double>(first.size());
  }
  std::vector<double> of_chunk(chunks), weights(count);
  for (std::size_t k = 0; k < chunks; ++k) {
    of_chunk[k] = std::exp(-spec_.points.causal * before);
    if (sizes[k] > 0) before += sums[k] / sizes[k];
  }
  for (std::size_t i = 0; i < count; ++i) weights[i] = of_chunk[chunk[i]] / static_cast<double>(count);
  loss_.set_point_weights(0, std::move(weights));
}

}  // namespace starling::pinn
