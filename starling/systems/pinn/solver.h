#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "starling/base/random.h"
#include "starling/optim/adamw.h"
#include "starling/optim/least_squares.h"
#include "starling/optim/quasi_newton.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/problem.h"

namespace starling::pinn {

/// A training in progress: parameters, points and optimiser. Adam's steps come first, then the method's. New
/// points leave the method's curvature as it is. Where a line search fails, it forgets the curvature once;
/// where it fails again, or damping finds no step, the training is at rest until new points come, or for
/// good.
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
    optim::AdamWState<double> adam{0};
    double loss = 0, gradient_norm = 0;
    std::int64_t failures = 0;  // of the line search, since its last step
    std::int64_t at_rest = -1;  // since this step; -1: it moves
  };

  bool least_squares() const;
  bool renews_points() const { return spec_.points.sampling != Sampling::fixed; }
  void renew_points();
  void adam_step();
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
  std::unique_ptr<optim::QuasiNewton> quasi_newton_;
  std::unique_ptr<optim::LevenbergMarquardt> damped_;
  optim::SmoothFunction function_;
  optim::LeastSquaresProblem squares_;
};

}  // namespace starling::pinn
