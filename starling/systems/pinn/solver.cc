#include "starling/systems/pinn/solver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/data/safetensors.h"
#include "starling/systems/pinn/points.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

optim::QuasiNewtonMethod quasi_newton_method(SolveMethod method) {
  switch (method) {
    case SolveMethod::lbfgs:
      return optim::QuasiNewtonMethod::lbfgs;
    case SolveMethod::bfgs:
      return optim::QuasiNewtonMethod::bfgs;
    case SolveMethod::ssbfgs:
      return optim::QuasiNewtonMethod::ssbfgs_ab;
    default:
      return optim::QuasiNewtonMethod::ssbroyden2;
  }
}

// Weights of hidden layers are the matrices; the rest is left to AdamW by rules that take matrices.
std::vector<optim::TrainedBlock> blocks_of(const Problem& problem) {
  const nets::JetNetwork& network = problem.network();
  std::vector<optim::TrainedBlock> blocks;
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    const base::Index inputs = network.widths[static_cast<std::size_t>(l)],
                      outputs = network.widths[static_cast<std::size_t>(l + 1)];
    const bool hidden = l > 0 && l + 1 < network.layers();
    blocks.push_back({fmt::format("layers.{}.weight", l), network.weight(l), outputs, inputs, hidden});
    blocks.push_back({fmt::format("layers.{}.bias", l), network.bias(l), outputs, 1, false});
  }
  const auto learned = static_cast<base::Index>(problem.system().learned.size());
  if (learned > 0) blocks.push_back({"learned", network.parameter_count(), learned, 1, false});
  return blocks;
}

double norm(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

Solver::Solver(const SolveSpec& spec, const Problem& problem)
    : spec_(spec), problem_(problem), loss_(problem.system(), problem.network(), make_terms()) {
  state_.parameters =
      initial_parameters(problem.system(), problem.network(), static_cast<std::uint64_t>(spec.common.seed));
  if (spec.points.causal > 0) time_axis();
  if (spec.solver.balance != Balance::none && spec.solver.adam_steps == 0)
    throw Error(ErrorKind::usage,
                "train.balance: train.adam_steps is 0; expected first-order steps to balance in");
  first_ = std::make_unique<optim::BlockOptimizer<double>>(
      optim::TrainerSpec{.rule = spec.solver.first, .others = 0.5}, blocks_of(problem),
      static_cast<base::Index>(state_.parameters.size()));
  gradient_.resize(state_.parameters.size());
  const auto size = static_cast<base::Index>(state_.parameters.size());
  if (least_squares()) {
    const base::Index rows = loss_.residual_count();
    constexpr double most = 5e8;
    if (static_cast<double>(rows) * static_cast<double>(size) > most)
      throw Error(
          ErrorKind::usage,
          fmt::format("train.method: a Jacobian of {} residuals in {} parameters has more than {:g} numbers; "
                      "expected fewer points, or a quasi-Newton method",
                      rows, size, most));
    const optim::LevenbergMarquardtSpec damped{.gauss_newton =
                                                   spec.solver.method == SolveMethod::gauss_newton};
    damped_ = std::make_unique<optim::LevenbergMarquardt>(damped, size, rows);
    squares_ = {.parameters = size,
                .residuals = rows,
                .residual = [this](std::span<const double> x, std::span<double> r) { loss_.stacked(x, r); },
                .jacobian = [this](std::span<const double> x, std::span<double> r,
                                   std::span<double> j) { loss_.jacobian(x, r, j); }};
  } else if (spec.solver.method != SolveMethod::none) {
    quasi_newton_ = std::make_unique<optim::QuasiNewton>(
        optim::QuasiNewtonSpec{.method = quasi_newton_method(spec.solver.method),
                               .memory = static_cast<int>(spec.solver.memory)},
        size);
    function_ = [this](std::span<const double> x, std::span<double> g) { return loss_.gradient(x, g); };
  }
}

std::ptrdiff_t Solver::time_axis() const {
  const System& system = problem_.system();
  const auto found = std::ranges::find(system.axes, "t");
  if (found == system.axes.end())
    throw Error(ErrorKind::usage,
                fmt::format("points.causal: no axis t among {}; expected 0, or a problem in time",
                            fmt::join(system.axes, ", ")));
  return found - system.axes.begin();
}

bool Solver::least_squares() const {
  return spec_.solver.method == SolveMethod::levenberg_marquardt ||
         spec_.solver.method == SolveMethod::gauss_newton;
}

base::Stream Solver::stream(const char* purpose, std::int64_t index) const {
  return {static_cast<std::uint64_t>(spec_.common.seed), 0, purpose, static_cast<std::uint64_t>(index)};
}

// The equations first, then the conditions in the order of the text, then the measurements.
std::vector<LossTerm> Solver::make_terms() const {
  const System& system = problem_.system();
  std::vector<LossTerm> terms{
      {.roots = equation_roots(system),
       .points = interior_points(system, spec_.points.interior, stream("interior", 0))}};
  for (std::size_t c = 0; c < system.conditions.size(); ++c) {
    const Condition& condition = system.conditions[c];
    terms.push_back({.roots = {condition.residual},
                     .points = condition_points(system, condition, spec_.points.condition,
                                                stream("condition", static_cast<std::int64_t>(c))),
                     .weight = spec_.points.condition_weight});
  }
  const Measurements& data = problem_.data();
  if (!data.points.empty()) {
    LossTerm term{.points = data.points, .weight = spec_.problem.data_weight};
    for (std::size_t k = 0; k < data.values.size(); ++k) {
      term.roots.push_back(problem_.quantities()[k].node);
      term.targets.insert(term.targets.end(), data.values[k].begin(), data.values[k].end());
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

void Solver::renew_points() {
  const std::int64_t draw = state_.step / spec_.points.renew_every;
  const System& system = problem_.system();
  if (spec_.points.sampling == Sampling::renewed) {
    loss_.set_points(0, interior_points(system, spec_.points.interior, stream("interior", draw)));
    return;
  }
  const std::size_t axes = system.axes.size();
  const std::vector<double> pool =
      interior_points(system, std::max(spec_.points.pool, spec_.points.interior), stream("pool", draw));
  const std::size_t count = pool.size() / axes;
  loss_.set_points(0, pool);
  const std::vector<double> residuals = loss_.residuals(0, state_.parameters);
  std::vector<double> sizes(count);
  for (std::size_t i = 0; i < residuals.size(); ++i) sizes[i % count] += residuals[i] * residuals[i];
  for (double& size : sizes) size = std::sqrt(size);
  std::vector<double> points;
  for (const std::size_t i :
       draw_by_size(sizes, static_cast<std::size_t>(spec_.points.interior), spec_.points.power,
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
  const System& system = problem_.system();
  const auto t = static_cast<std::size_t>(time_axis());
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
  for (std::size_t c = 0; c < system.conditions.size(); ++c) {
    if (system.conditions[c].held[t] != low) continue;
    const std::vector<double> first = loss_.residuals(1 + c, state_.parameters);
    for (const double r : first)
      before += loss_.term(1 + c).weight * r * r / static_cast<double>(first.size());
  }
  std::vector<double> of_chunk(chunks), weights(count);
  for (std::size_t k = 0; k < chunks; ++k) {
    of_chunk[k] = std::exp(-spec_.points.causal * before);
    if (sizes[k] > 0) before += sums[k] / sizes[k];
  }
  for (std::size_t i = 0; i < count; ++i) weights[i] = of_chunk[chunk[i]] / static_cast<double>(count);
  loss_.set_point_weights(0, std::move(weights));
}

void Solver::start_method() {
  if (damped_) {
    if (damped_->start(squares_, state_.parameters) == optim::LeastSquaresEnd::not_finite) refuse();
  } else if (quasi_newton_->start(function_, state_.parameters) == optim::QuasiNewtonEnd::not_finite) {
    refuse();
  }
}

void Solver::step() {
  const bool due = state_.step % spec_.points.renew_every == 0,
             changed = due && changes_loss() && state_.step > 0;
  if (changed) {
    if (renews_points()) renew_points();
    state_.at_rest = -1;
    state_.failures = 0;
  }
  if (due && spec_.points.causal > 0) weigh_times();
  if (state_.step < spec_.solver.adam_steps || spec_.solver.method == SolveMethod::none) {
    first_step();
  } else {
    if (changed || state_.step == spec_.solver.adam_steps) start_method();
    if (state_.at_rest < 0) method_step();
  }
  ++state_.step;
}

void Solver::first_step() {
  const SolverSpec& solver = spec_.solver;
  if (solver.balance != Balance::none && state_.step % solver.balance_every == 0) balance_terms();
  state_.loss = loss_.gradient(state_.parameters, gradient_);
  state_.gradient_norm = norm(gradient_);
  if (!std::isfinite(state_.loss) || !std::isfinite(state_.gradient_norm)) refuse();
  const optim::Schedule schedule{
      .rate = solver.adam_rate, .steps = solver.adam_steps, .decay = solver.adam_decay};
  first_->step(optim::rate_at(schedule, state_.step), state_.parameters, gradient_);
}

// Term k's weight goes by a tenth towards Σ sizes / size_k; at first to there.
void Solver::balance_terms() {
  std::vector<double> sizes(loss_.term_count());
  double sum = 0;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (spec_.solver.balance == Balance::gradients) {
      loss_.term_gradient(k, state_.parameters, gradient_);
      sizes[k] = norm(gradient_);
    } else {
      sizes[k] = loss_.kernel_diagonal(k, state_.parameters);
    }
    sum += sizes[k];
  }
  if (!std::isfinite(sum)) refuse();
  constexpr double memory = 0.9, smallest = 1e-12;  // a term that is met exactly keeps a finite weight
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const double there = sum / std::max(sizes[k], smallest * sum + 1e-300);
    loss_.set_weight(k, state_.step == 0 ? there : memory * loss_.term(k).weight + (1 - memory) * there);
  }
}

void Solver::fail_to_step() {
  if (quasi_newton_ && state_.failures++ == 0) {
    quasi_newton_->reset();
  } else {
    state_.at_rest = state_.step;
  }
}

void Solver::method_step() {
  if (damped_) {
    const optim::LeastSquaresEnd end = damped_->step(squares_, state_.parameters);
    if (end == optim::LeastSquaresEnd::not_finite) refuse();
    if (end != optim::LeastSquaresEnd::none) fail_to_step();
    state_.loss = damped_->value();
    return;
  }
  const optim::QuasiNewtonEnd end = quasi_newton_->step(function_, state_.parameters);
  if (end == optim::QuasiNewtonEnd::not_finite) refuse();
  if (end == optim::QuasiNewtonEnd::none) {
    state_.failures = 0;
  } else {
    fail_to_step();
  }
  state_.loss = quasi_newton_->value();
  state_.gradient_norm = quasi_newton_->gradient_norm();
}

std::optional<std::int64_t> Solver::rested_at() const {
  if (state_.at_rest < 0) return std::nullopt;
  return state_.at_rest;
}

std::vector<std::pair<std::string, double>> Solver::terms() {
  loss_.gradient(state_.parameters, gradient_);
  const System& system = problem_.system();
  std::vector<std::pair<std::string, double>> out{{"equations", loss_.part(0)}};
  std::size_t number = 1;
  for (const Condition& condition : system.conditions)
    out.emplace_back(fmt::format("condition of line {}", condition.line), loss_.part(number++));
  if (!problem_.data().points.empty()) out.emplace_back("data", loss_.part(number));
  return out;
}

// Says which term at which point is to blame.
void Solver::refuse() {
  const System& system = problem_.system();
  const std::vector<std::pair<std::string, double>> names = terms();
  for (std::size_t number = 0; number < names.size(); ++number) {
    const std::vector<double> residuals = loss_.residuals(number, state_.parameters);
    const std::vector<double>& points = loss_.term(number).points;
    const std::size_t count = points.size() / system.axes.size();
    for (std::size_t i = 0; i < residuals.size(); ++i) {
      if (std::isfinite(residuals[i])) continue;
      std::string where;
      for (std::size_t a = 0; a < system.axes.size(); ++a)
        where += fmt::format("{}{} = {:.6g}", a == 0 ? "" : ", ", system.axes[a],
                             points[(i % count) * system.axes.size() + a]);
      throw Error(ErrorKind::numerical, fmt::format("step {}: the residual of the {} is {} at {}",
                                                    state_.step, names[number].first, residuals[i], where));
    }
  }
  throw Error(ErrorKind::numerical,
              fmt::format("step {}: the loss or its gradient is not finite", state_.step));
}

std::vector<double> Solver::term_weights() const {
  std::vector<double> weights;
  for (std::size_t k = 0; k < loss_.term_count(); ++k) weights.push_back(loss_.term(k).weight);
  return weights;
}

std::optional<double> Solver::misfit() {
  if (problem_.data().points.empty()) return std::nullopt;
  const std::vector<double> missed = loss_.residuals(loss_.term_count() - 1, state_.parameters);
  return norm(missed) / std::sqrt(static_cast<double>(missed.size()));
}

bool Solver::fits_to(double noise) {
  const auto count = static_cast<double>(loss_.residuals(loss_.term_count() - 1, state_.parameters).size());
  const std::optional<double> missed = misfit();
  return missed && *missed <= noise * (1 + std::sqrt(2 / count));
}

LearnedIntervals Solver::learned_intervals() {
  return pinn::learned_intervals(problem_.system(), loss_, state_.parameters);
}

std::string Solver::checkpoint() const {
  data::TensorFile file;
  file.metadata = {{"format", "starling"}, {"checksum", ""}};
  data::add_flat<double>(file, "parameters", state_.parameters);
  data::add_flat<double>(file, "points", loss_.term(0).points);
  data::add_flat<double>(file, "point_weights", loss_.term(0).point_weights);
  data::add_flat<double>(file, "term_weights", term_weights());
  for (const auto& [name, numbers] : first_->state()) data::add_flat<double>(file, "first." + name, numbers);
  const std::int64_t counts[] = {state_.step, first_->steps(), state_.failures, state_.at_rest};
  data::add_flat<std::int64_t>(file, "counts", counts);
  const double values[] = {state_.loss, state_.gradient_norm};
  data::add_flat<double>(file, "values", values);
  if (quasi_newton_) data::add_flat<double>(file, "method", quasi_newton_->snapshot());
  if (damped_) data::add_flat<double>(file, "method", damped_->snapshot());
  return data::encode_safetensors(file);
}

void Solver::restore(std::string_view bytes, const std::string& name) {
  const data::TensorFile file = data::decode_safetensors(bytes, name);
  data::read_flat<double>(file, "parameters", state_.parameters, name);
  std::vector<double> points(loss_.term(0).points.size());
  data::read_flat<double>(file, "points", points, name);
  const std::size_t count = points.size() / problem_.system().axes.size();
  std::vector<double> point_weights(spec_.points.causal > 0 ? count : 0), weights(loss_.term_count());
  data::read_flat<double>(file, "point_weights", point_weights, name);
  loss_.set_points(0, std::move(points), std::move(point_weights));
  data::read_flat<double>(file, "term_weights", weights, name);
  for (std::size_t k = 0; k < weights.size(); ++k) loss_.set_weight(k, weights[k]);
  for (const auto& [part, numbers] : first_->state())
    data::read_flat<double>(file, "first." + part, numbers, name);
  std::int64_t counts[4] = {};
  data::read_flat<std::int64_t>(file, "counts", counts, name);
  state_.step = counts[0];
  first_->restore_steps(counts[1]);
  state_.failures = counts[2];
  state_.at_rest = counts[3];
  double values[2] = {};
  data::read_flat<double>(file, "values", values, name);
  state_.loss = values[0];
  state_.gradient_norm = values[1];
  if (state_.step <= spec_.solver.adam_steps) return;  // the method has not begun
  if (quasi_newton_) {
    std::vector<double> numbers = quasi_newton_->snapshot();
    data::read_flat<double>(file, "method", numbers, name);
    quasi_newton_->restore(numbers);
  }
  if (damped_) {
    std::vector<double> numbers = damped_->snapshot();
    data::read_flat<double>(file, "method", numbers, name);
    start_method();
    damped_->restore(numbers);
  }
}

}  // namespace starling::pinn
