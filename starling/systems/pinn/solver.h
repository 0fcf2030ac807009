#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/random.h"
#include "starling/optim/block_optimizer.h"
#include "starling/optim/least_squares.h"
#include "starling/optim/quasi_newton.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/problem.h"
#include "starling/systems/pinn/uncertainty.h"

namespace starling::pinn {

/// A training in progress: parameters, points and optimiser. First-order steps come first, then the method's.
/// New points leave the method's curvature as it is. Where a line search fails, it forgets the curvature
/// once; where it fails again, or damping finds no step, the training is at rest until new points come, or
/// for good.
class Solver {
 public:
  /// Error{usage} for a least-squares method whose Jacobian would hold more than 5e8 numbers. `problem` and
  /// `spec` outlive it.
  Solver(const SolveSpec& spec, const Problem& problem);

  /// One step. Error{numerical} that names the step, the term, the point and the value for a loss that is not
  /// finite.
  void step();

  std::int64_t step_number() const { return state_.step; }
  std::span<const double> parameters() const { return state_.parameters; }
  double loss() const { return state_.loss; }
  double gradient_norm() const { return state_.gradient_norm; }
  /// The step at which it came to rest for good, if it did.
  std::optional<std::int64_t> rested_at() const;
  /// Whether no further step will move it: at rest, and neither points nor weights are to change.
  bool at_rest_for_good() const { return state_.at_rest >= 0 && !changes_loss(); }
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
  std::span<const double> interior() const { return loss_.term(0).points; }

  std::string checkpoint() const;
  /// Continues from such bytes; Error{input} that opens with `name` when they are of another training.
  void restore(std::string_view bytes, const std::string& name);

 private:
  struct State {
    std::int64_t step = 0;
    std::vector<double> parameters{};
    double loss = 0, gradient_norm = 0;
    std::int64_t failures = 0;  // of the line search, since its last step
    std::int64_t at_rest = -1;  // since this step; -1: it moves
  };

  bool least_squares() const;
  std::ptrdiff_t time_axis() const;
  std::vector<double> term_weights() const;
  bool renews_points() const { return spec_.points.sampling != Sampling::fixed; }
  bool changes_loss() const { return renews_points() || spec_.points.causal > 0; }
  void renew_points();
  void weigh_times();
  void balance_terms();
  void first_step();
  void method_step();
  void start_method();
  void fail_to_step();
  [[noreturn]] void refuse();
  std::vector<LossTerm> make_terms() const;
  base::Stream stream(const char* purpose, std::int64_t index) const;

  const SolveSpec& spec_;
  const Problem& problem_;
  Loss loss_;
  State state_;
  std::vector<double> gradient_;
  std::unique_ptr<optim::BlockOptimizer<double>> first_;
  std::unique_ptr<optim::QuasiNewton> quasi_newton_;
  std::unique_ptr<optim::LevenbergMarquardt> damped_;
  optim::SmoothFunction function_;
  optim::LeastSquaresProblem squares_;
};

}  // namespace starling::pinn
