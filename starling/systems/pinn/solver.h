#pragma once
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/random.h"
#include "starling/data/safetensors.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/least_squares.h"
#include "starling/optim/quasi_newton.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/phases.h"
#include "starling/systems/pinn/problem.h"
#include "starling/systems/pinn/uncertainty.h"

namespace starling::pinn {

/// A training in progress: parameters, points and optimiser, through the phases of `phases_of` in every stage
/// of a curriculum, or in every window of time, one after another.
///
/// New points leave a method's curvature as it is. Where a line search fails, it forgets the curvature once;
/// where it fails again, or damping finds no step, the training is at rest until new points come, or for
/// good. A window starts from the parameters of the one before, whose values at its first time stand in for
/// the conditions there; a stage from those of the stage before.
class Solver {
 public:
  /// Error{usage} for phases that phases_of refuses, windows that carried_nodes refuses, and a least-squares
  /// method whose Jacobian would hold more than 5e8 numbers. `problem` and `spec` outlive it.
  Solver(const SolveSpec& spec, const Problem& problem);

  /// One step, of the next phase, stage or window where one is over; of the last phase for as long as it is
  /// asked. Error{numerical} that names the step, the term, the point and the value for a loss that is not
  /// finite.
  void step();

  /// The error of `step` where the loss at the present parameters is not finite: first-order steps look at it
  /// before they move, so that a checkpoint may hold what no step has looked at.
  void check();

  /// Whether all stages and windows have gone through all phases, as far as a further step would serve.
  bool finished() const {
    return phase_over() && last_phase() && last_stage() && state_.window + 1 == spec_.solver.windows;
  }
  std::int64_t step_number() const { return state_.step; }
  std::int64_t window() const { return state_.window; }
  std::int64_t stage() const { return state_.stage; }
  /// Of the present stage or window.
  std::span<const double> parameters() const { return state_.parameters; }
  /// Of every window, one set after another; windows to come have those of the present one.
  std::vector<double> solution() const;
  double loss() const { return state_.loss; }
  double gradient_norm() const { return state_.gradient_norm; }
  /// The step at which it came to rest for good, if it did.
  std::optional<std::int64_t> rested_at() const;

  /// What points held out say: the loss there at the best step of the present stage or window, and that step.
  struct HeldOut {
    double loss = 0;
    std::int64_t step = 0;
    bool stopped = false;  ///< it has not fallen for `train.patience` steps
  };
  /// Nothing unless `train.stop` asks for it, or before the first time that it is measured.
  std::optional<HeldOut> held_out() const;

  /// The root mean square of what the measurements are missed by; nothing without any.
  std::optional<double> misfit();
  /// Whether the measurements are met to a noise of this standard deviation, the discrepancy principle
  /// (Morozov 1966): the misfit is at most noise (1 + sqrt(2 / n)), two standard errors above what n draws of
  /// it show.
  bool fits_to(double noise);
  /// Learned coefficients with 95% intervals, and the noise that the measurements show; see uncertainty.h.
  LearnedIntervals learned_intervals();
  /// Names and values of the loss' terms at the present parameters.
  std::vector<std::pair<std::string, double>> terms();
  /// Of the variational form: the largest change of a residual when elements get twice the Gauss points, and
  /// the root mean square of the residuals. Nothing of collocation.
  struct Quadrature {
    double change = 0, size = 0;
  };
  std::optional<Quadrature> quadrature() const;
  std::span<const double> interior() const { return loss_.term(0).points; }

  std::string checkpoint() const;
  /// Continues from such bytes; Error{input} that opens with `name` when they are of another training.
  void restore(std::string_view bytes, const std::string& name);

 private:
  struct State {
    std::int64_t step = 0;
    std::int64_t stage = 0, window = 0, part_start = 0;  // and the step at which the stage or window began
    std::int64_t phase = 0, phase_start = 0;
    std::vector<double> parameters{}, former{};  // former: of the windows before
    double loss = 0, gradient_norm = 0;
    std::int64_t failures = 0;                              // of the line search, since its last step
    std::int64_t at_rest = -1;                              // since this step; -1: it moves
    double best = std::numeric_limits<double>::infinity();  // loss held out
    std::int64_t best_step = -1;
    std::vector<double> best_parameters{};
  };
  // The terms of a loss, what they are called, and which of them are asked at the first time.
  struct Terms {
    std::vector<LossTerm> terms{};
    std::vector<std::string> names{};
    std::vector<std::size_t> starts{};
  };
  // Whose points: all that are not held out, or those that are.
  enum class Share { training, held_out };

  const Phase& phase() const { return phases_[static_cast<std::size_t>(state_.phase)]; }
  bool last_stage() const { return state_.stage + 1 == problem_.stages(); }
  bool last_phase() const { return state_.phase + 1 == static_cast<std::int64_t>(phases_.size()); }
  bool phase_over() const;
  bool stops_early() const { return spec_.solver.stop == Stop::held_out; }
  void advance();
  void make_part();
  void prepare_phase();
  void check_size(const Phase& phase) const;
  void first_step();
  void method_step();
  void start_method();
  void fail_to_step();
  void judge();
  void keep_best();

  bool renews_points() const { return spec_.points.sampling != Sampling::fixed; }
  bool changes_loss() const { return renews_points() || spec_.points.causal > 0; }
  void renew_points();
  void weigh_times();
  void balance_terms();
  std::vector<double> term_weights() const;
  void check_variational() const;
  std::vector<WeakForm> weak_forms();
  WeakMesh mesh() const;
  Terms make_terms(Share share) const;
  void add_conditions(Terms& out, Share share) const;
  void add_measurements(Terms& out, Share share) const;
  std::int64_t share_of(std::int64_t count, Share share) const;
  Loss loss_of(Terms made);
  [[noreturn]] void refuse();
  void restore_parameters(const data::TensorFile& file, std::int64_t window, const std::string& name);
  void restore_loss(const data::TensorFile& file, const std::string& name);
  void restore_method(const data::TensorFile& file, const std::string& name);
  base::Stream stream(const char* purpose, std::int64_t index) const;

  const SolveSpec& spec_;
  const Problem& problem_;
  std::vector<Phase> phases_;
  State state_;
  System system_;               // of the present stage, within the present window
  std::vector<WeakForm> weak_;  // of its equations, in the variational form
  Terms described_;             // names and starts of loss_; its terms have moved there
  Loss loss_;
  std::optional<Loss> held_out_;
  std::vector<double> gradient_;
  std::unique_ptr<optim::BlockOptimizer<double>> first_;  // one of three, the phase's
  std::unique_ptr<optim::QuasiNewton> quasi_newton_;
  std::unique_ptr<optim::LevenbergMarquardt> damped_;
  optim::SmoothFunction function_;
  optim::LeastSquaresProblem squares_;
};

}  // namespace starling::pinn
