#pragma once
#include <functional>
#include <span>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::optim {

/// ½ |r(x)|² of n residuals in p parameters. `jacobian` holds the derivatives of one parameter in each row:
/// jacobian[parameter · n + residual].
struct LeastSquaresProblem {
  base::Index parameters = 0, residuals = 0;
  std::function<void(std::span<const double> x, std::span<double> residual)> residual;
  std::function<void(std::span<const double> x, std::span<double> residual, std::span<double> jacobian)>
      jacobian;
};

/// How the damped equations are solved.
enum class DampedSolver {
  cholesky,  ///< of JᵀJ + λI, or of JJᵀ + λI when there are fewer residuals: half the digits of J
  qr         ///< of J above √λ I: all of its digits, some ten times the work
};

struct LevenbergMarquardtSpec {
  DampedSolver solver = DampedSolver::qr;
  double damping = 1e-3;    ///< λ of the first step
  double fall = 1.0 / 3.0;  ///< λ is multiplied by it after a step that lowers the loss
  double rise = 4;          ///< and by this after one that does not
  double largest_damping = 1e12;
  bool gauss_newton = false;  ///< undamped steps first; see LevenbergMarquardt
  double rank = 1e-8;         ///< of the first undamped step: pivots below it times the largest count as 0
  double least_rank = 1e-12;  ///< full steps lower it so far, and short ones raise it again
  int patience = 50;          ///< undamped steps within which the loss must halve
};

/// What a step did.
enum class LeastSquaresEnd { none, stationary, damping, not_finite };

/// Levenberg and Marquardt's steps -(JᵀJ + λI)⁻¹ Jᵀr, and guarded Gauss-Newton.
///
/// With `gauss_newton` steps are undamped as long as they serve: the least-squares solution of least norm, at
/// the best of the lengths ½^k, k = 0..30, singular directions cut off by a threshold that follows the
/// lengths. From a network's first weights they are worth many damped ones, or lead nowhere; after damped
/// steps they seldom serve. So they come first, and give way to damping for good when no length lowers the
/// loss or it has not halved within `patience` steps.
class LevenbergMarquardt {
 public:
  LevenbergMarquardt(const LevenbergMarquardtSpec& spec, base::Index parameters, base::Index residuals);

  LeastSquaresEnd start(const LeastSquaresProblem& problem, std::span<const double> x);
  LeastSquaresEnd step(const LeastSquaresProblem& problem, std::span<double> x);

  /// All that the next step depends on beside x and the problem there, to be stored; `restore` comes after
  /// `start`. Error{usage} for another number of numbers.
  std::vector<double> snapshot() const;
  void restore(std::span<const double> numbers);

  double value() const { return value_; }
  double damping() const { return damping_; }
  int undamped_steps() const { return undamped_; }

 private:
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  void solve_damped();
  void solve_by_cholesky();
  void solve_by_qr();
  double loss_at(const LeastSquaresProblem& problem, std::span<const double> x, double length);
  bool undamped_step(const LeastSquaresProblem& problem, std::span<double> x);
  LeastSquaresEnd refresh(const LeastSquaresProblem& problem, std::span<const double> x);

  LevenbergMarquardtSpec spec_;
  base::Index parameters_, residuals_;
  double value_ = 0, damping_ = 0;
  bool guarded_ = false;  // undamped steps have given way
  int undamped_ = 0, since_ = 0;
  double rank_ = 0;
  double mark_ = 0;  // the loss that is to be halved
  Matrix jacobian_;  // (parameters, residuals)
  Eigen::VectorXd residual_, trial_residual_, gradient_, move_, trial_;
  Matrix normal_;
  Eigen::MatrixXd stacked_;
};

}  // namespace starling::optim
