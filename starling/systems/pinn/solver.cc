#include "starling/systems/pinn/solver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/optim/schedule.h"
#include "starling/systems/pinn/windows.h"

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

constexpr std::int64_t judged_every = 10;  // steps between looks at points held out

bool least_squares(SolveMethod method) {
  return method == SolveMethod::levenberg_marquardt || method == SolveMethod::gauss_newton;
}

}  // namespace

Solver::Solver(const SolveSpec& spec, const Problem& problem)
    : spec_(spec),
      problem_(problem),
      phases_(phases_of(spec.solver)),
      system_(within_window(problem.system_of(0), spec.solver.windows, 0)),
      weak_(weak_forms()),
      loss_(loss_of(make_terms(Share::training))) {
  state_.parameters =
      initial_parameters(problem.system(), problem.network(), static_cast<std::uint64_t>(spec.common.seed));
  gradient_.resize(state_.parameters.size());
  if (spec.points.causal > 0) time_axis(system_, "points.causal");
  const auto first_order = [](const Phase& one) { return one.rule.has_value() && one.steps > 0; };
  if (spec.solver.balance != Balance::none && std::ranges::none_of(phases_, first_order))
    throw Error(ErrorKind::usage,
                "train.balance: train.adam_steps is 0; expected first-order steps to balance in");
  for (const Phase& one : phases_) check_size(one);
  if (stops_early()) held_out_ = Loss(system_, problem_.network(), make_terms(Share::held_out).terms);
  prepare_phase();
}

Loss Solver::loss_of(Terms made) {
  described_ = std::move(made);
  return {system_, problem_.network(), std::exchange(described_.terms, {})};
}

void Solver::check_size(const Phase& one) const {
  constexpr double most = 5e8;
  const base::Index rows = loss_.residual_count();
  const std::size_t size = problem_.parameter_count();
  if (least_squares(one.method) && static_cast<double>(rows) * static_cast<double>(size) > most)
    throw Error(
        ErrorKind::usage,
        fmt::format("train.method: a Jacobian of {} residuals in {} parameters has more than {:g} numbers; "
                    "expected fewer points, or a quasi-Newton method",
                    rows, size, most));
}

// The optimiser of the present phase, which knows nothing yet.
void Solver::prepare_phase() {
  const auto size = static_cast<base::Index>(state_.parameters.size());
  first_.reset();
  quasi_newton_.reset();
  damped_.reset();
  if (phase().rule) {
    const optim::TrainerSpec trainer{
        .rule = *phase().rule, .adam = {.decay = spec_.solver.weight_decay}, .others = 0.5};
    first_ = std::make_unique<optim::BlockOptimizer<double>>(trainer, blocks_of(problem_), size);
  } else if (least_squares(phase().method)) {
    const base::Index rows = loss_.residual_count();
    const optim::LevenbergMarquardtSpec damped{.gauss_newton = phase().method == SolveMethod::gauss_newton};
    damped_ = std::make_unique<optim::LevenbergMarquardt>(damped, size, rows);
    squares_ = {.parameters = size,
                .residuals = rows,
                .residual = [this](std::span<const double> x, std::span<double> r) { loss_.stacked(x, r); },
                .jacobian = [this](std::span<const double> x, std::span<double> r,
                                   std::span<double> j) { loss_.jacobian(x, r, j); }};
  } else {
    quasi_newton_ = std::make_unique<optim::QuasiNewton>(
        optim::QuasiNewtonSpec{.method = quasi_newton_method(phase().method),
                               .memory = static_cast<int>(spec_.solver.memory)},
        size);
    function_ = [this](std::span<const double> x, std::span<double> g) { return loss_.gradient(x, g); };
  }
}

bool Solver::phase_over() const {
  const bool stopped = last_phase() && held_out() && held_out()->stopped;
  return state_.step - state_.phase_start >= phase().steps || stopped ||
         (state_.at_rest >= 0 && !changes_loss());
}

void Solver::advance() {
  state_.phase_start = state_.step;
  state_.failures = 0;
  state_.at_rest = -1;
  if (!last_phase()) {
    ++state_.phase;
  } else {
    if (last_stage()) {
      state_.former.insert(state_.former.end(), state_.parameters.begin(), state_.parameters.end());
      ++state_.window;
    } else {
      ++state_.stage;
    }
    state_.part_start = state_.step;
    state_.phase = 0;
    state_.best = std::numeric_limits<double>::infinity();
    state_.best_step = -1;
    make_part();
  }
  prepare_phase();
}

void Solver::make_part() {
  system_ = within_window(problem_.system_of(state_.stage), spec_.solver.windows, state_.window);
  weak_ = weak_forms();
  loss_ = loss_of(make_terms(Share::training));
  if (stops_early()) held_out_ = Loss(system_, problem_.network(), make_terms(Share::held_out).terms);
}

std::vector<double> Solver::solution() const {
  std::vector<double> all = state_.former;
  while (all.size() < state_.parameters.size() * static_cast<std::size_t>(spec_.solver.windows))
    all.insert(all.end(), state_.parameters.begin(), state_.parameters.end());
  return all;
}

void Solver::start_method() {
  if (damped_) {
    if (damped_->start(squares_, state_.parameters) == optim::LeastSquaresEnd::not_finite) refuse();
  } else if (quasi_newton_->start(function_, state_.parameters) == optim::QuasiNewtonEnd::not_finite) {
    refuse();
  }
}

void Solver::step() {
  if (phase_over() && !finished()) advance();
  const std::int64_t since = state_.step - state_.part_start;
  const bool due = since % spec_.points.renew_every == 0, changed = due && changes_loss() && since > 0;
  if (changed) {
    if (renews_points()) renew_points();
    state_.at_rest = -1;
    state_.failures = 0;
  }
  if (due && spec_.points.causal > 0) weigh_times();
  if (phase().rule) {
    first_step();
  } else {
    if (changed || state_.step == state_.phase_start) start_method();
    if (state_.at_rest < 0) method_step();
  }
  ++state_.step;
  if (!held_out_) return;
  const bool over = last_phase() && phase_over();
  if (over || (since + 1) % judged_every == 0) judge();
  if (last_phase() && phase_over()) keep_best();
}

void Solver::first_step() {
  const SolverSpec& solver = spec_.solver;
  const std::int64_t since = state_.step - state_.phase_start;
  if (solver.balance != Balance::none && since % solver.balance_every == 0) balance_terms();
  state_.loss = loss_.gradient(state_.parameters, gradient_);
  state_.gradient_norm = optim::euclidean_norm(gradient_);
  if (!std::isfinite(state_.loss) || !std::isfinite(state_.gradient_norm)) refuse();
  const optim::Schedule schedule{.rate = phase().rate, .steps = phase().steps, .decay = phase().decay};
  first_->step(optim::rate_at(schedule, since), state_.parameters, gradient_);
}

void Solver::check() {
  const double loss = loss_.gradient(state_.parameters, gradient_);
  if (!std::isfinite(loss) || !std::isfinite(optim::euclidean_norm(gradient_))) refuse();
}

// The loss at points held out, in the spec's weights.
void Solver::judge() {
  std::vector<double> missed(static_cast<std::size_t>(held_out_->residual_count()));
  held_out_->stacked(state_.parameters, missed);
  const double size = optim::euclidean_norm(missed), value = size * size / 2;
  if (!(value < state_.best)) return;  // nor where it is not finite
  state_.best = value;
  state_.best_step = state_.step;
  state_.best_parameters = state_.parameters;
}

void Solver::keep_best() {
  if (state_.best_step < 0) return;
  state_.parameters = state_.best_parameters;
  state_.loss = loss_.gradient(state_.parameters, gradient_);
  state_.gradient_norm = optim::euclidean_norm(gradient_);
}

std::optional<Solver::HeldOut> Solver::held_out() const {
  if (state_.best_step < 0) return std::nullopt;
  const std::int64_t since = state_.step - std::max(state_.best_step, state_.phase_start);
  return HeldOut{state_.best, state_.best_step, since >= spec_.solver.patience};
}

// Term k's weight goes by a tenth towards Σ sizes / size_k; at first to there.
void Solver::balance_terms() {
  std::vector<double> sizes(loss_.term_count());
  double sum = 0;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (spec_.solver.balance == Balance::gradients) {
      loss_.term_gradient(k, state_.parameters, gradient_);
      sizes[k] = optim::euclidean_norm(gradient_);
    } else {
      sizes[k] = loss_.kernel_diagonal(k, state_.parameters);
    }
    sum += sizes[k];
  }
  if (!std::isfinite(sum)) refuse();
  constexpr double memory = 0.9, smallest = 1e-12;  // a term that is met exactly keeps a finite weight
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const double there = sum / std::max(sizes[k], smallest * sum + 1e-300);
    loss_.set_weight(
        k, state_.step == state_.part_start ? there : memory * loss_.term(k).weight + (1 - memory) * there);
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
  std::vector<std::pair<std::string, double>> out;
  for (std::size_t k = 0; k < described_.names.size(); ++k)
    out.emplace_back(described_.names[k], loss_.part(k));
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
  return optim::euclidean_norm(missed) / std::sqrt(static_cast<double>(missed.size()));
}

bool Solver::fits_to(double noise) {
  const auto count = static_cast<double>(loss_.residuals(loss_.term_count() - 1, state_.parameters).size());
  const std::optional<double> missed = misfit();
  return missed && *missed <= noise * (1 + std::sqrt(2 / count));
}

LearnedIntervals Solver::learned_intervals() {
  return pinn::learned_intervals(problem_.system(), loss_, state_.parameters);
}

}  // namespace starling::pinn
