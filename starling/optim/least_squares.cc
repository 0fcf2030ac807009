#include "starling/optim/least_squares.h"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "starling/base/error.h"
#include "starling/math/symmetric_product.h"

namespace starling::optim {
namespace {

using base::Index;

std::span<const double> view(const Eigen::VectorXd& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}
std::span<double> view(Eigen::VectorXd& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}

}  // namespace

LevenbergMarquardt::LevenbergMarquardt(const LevenbergMarquardtSpec& spec, Index parameters, Index residuals)
    : spec_(spec), parameters_(parameters), residuals_(residuals), damping_(spec.damping), rank_(spec.rank) {
  if (parameters < 1 || residuals < 1 || !(spec.damping > 0)) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("least squares: {} parameters, {} residuals, damping {}; expected at least 1 of each "
                    "and a positive damping",
                    parameters, residuals, spec.damping));
  }
  jacobian_.resize(parameters, residuals);
  for (auto* vector : {&residual_, &trial_residual_}) vector->resize(residuals);
  for (auto* vector : {&gradient_, &move_, &trial_}) vector->resize(parameters);
}

LeastSquaresEnd LevenbergMarquardt::start(const LeastSquaresProblem& problem, std::span<const double> x) {
  return refresh(problem, x);
}

LeastSquaresEnd LevenbergMarquardt::refresh(const LeastSquaresProblem& problem, std::span<const double> x) {
  problem.jacobian(x, view(residual_), {jacobian_.data(), static_cast<std::size_t>(jacobian_.size())});
  value_ = residual_.squaredNorm() / 2;
  gradient_.noalias() = jacobian_ * residual_;
  if (!std::isfinite(value_) || !gradient_.allFinite()) return LeastSquaresEnd::not_finite;
  return gradient_.squaredNorm() == 0 ? LeastSquaresEnd::stationary : LeastSquaresEnd::none;
}

void LevenbergMarquardt::solve_by_cholesky() {
  const bool wide = residuals_ < parameters_;  // fewer residuals: J' (J J' + λ)⁻¹ r is the same step
  const Index size = wide ? residuals_ : parameters_;
  normal_.resize(size, size);
  if (wide) {
    const Matrix rows = jacobian_.transpose();
    math::gram_product(size, parameters_, 1.0, rows.data(), 0.0, normal_.data());
  } else {
    math::gram_product(size, residuals_, 1.0, jacobian_.data(), 0.0, normal_.data());
  }
  normal_.diagonal().array() += damping_;
  const Eigen::LLT<Matrix> factor(normal_);
  if (factor.info() != Eigen::Success) {
    move_.setConstant(std::nan(""));  // counts as a step that does not lower the loss
  } else if (wide) {
    move_.noalias() = -(jacobian_ * factor.solve(residual_).eval());
  } else {
    move_ = -factor.solve(gradient_);
  }
}

// Of the narrower of [J; √λ I] and its counterpart [Jᵀ; √λ I], whose solution is that of least norm.
void LevenbergMarquardt::solve_by_qr() {
  const double root = std::sqrt(damping_);
  const bool wide = residuals_ < parameters_;
  const Index size = wide ? residuals_ : parameters_, tall = wide ? parameters_ : residuals_;
  stacked_.resize(tall + size, size);
  if (wide) {
    stacked_.topRows(tall) = jacobian_;
  } else {
    stacked_.topRows(tall) = jacobian_.transpose();
  }
  stacked_.bottomRows(size).setZero();
  stacked_.bottomRows(size).diagonal().setConstant(root);
  const Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> factor(stacked_);
  const auto r = factor.matrixQR().topRows(size).template triangularView<Eigen::Upper>();
  if (wide) {
    // p = -J' z with (J J' + λ) z = r, and J' = Q₁ R: p = -Q₁ R⁻ᵀ r.
    Eigen::VectorXd z = Eigen::VectorXd::Zero(tall + size);
    z.head(size) = r.transpose().solve(residual_);
    z.applyOnTheLeft(factor.householderQ());
    move_ = -z.head(tall);
  } else {
    Eigen::VectorXd right = Eigen::VectorXd::Zero(tall + size);
    right.head(tall) = -residual_;
    right.applyOnTheLeft(factor.householderQ().adjoint());
    move_ = r.solve(right.head(size));
  }
}

void LevenbergMarquardt::solve_damped() {
  if (spec_.solver == DampedSolver::cholesky) return solve_by_cholesky();
  solve_by_qr();
}

double LevenbergMarquardt::loss_at(const LeastSquaresProblem& problem, std::span<const double> x,
                                   double length) {
  for (Index p = 0; p < parameters_; ++p) trial_[p] = x[static_cast<std::size_t>(p)] + length * move_[p];
  if (!trial_.allFinite()) return std::numeric_limits<double>::infinity();
  problem.residual(view(std::as_const(trial_)), view(trial_residual_));
  const double loss = trial_residual_.squaredNorm() / 2;
  return std::isfinite(loss) ? loss : std::numeric_limits<double>::infinity();
}

bool LevenbergMarquardt::undamped_step(const LeastSquaresProblem& problem, std::span<double> x) {
  if (undamped_ == 0 || value_ <= mark_ / 2) {
    mark_ = value_;
    since_ = 0;
  }
  if (since_++ >= spec_.patience) return false;
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> factor(residuals_, parameters_);
  factor.setThreshold(rank_);
  factor.compute(jacobian_.transpose());
  move_ = -factor.solve(residual_);
  double best = value_, best_length = 0;
  for (int k = 0; k <= 30; ++k) {
    const double length = std::ldexp(1.0, -k), loss = loss_at(problem, x, length);
    if (loss < best) {
      best = loss;
      best_length = length;
    }
  }
  if (best_length == 0 && rank_ >= spec_.rank) return false;
  rank_ = best_length == 1     ? std::max(spec_.least_rank, rank_ / 2)
          : best_length < 0.25 ? std::min(spec_.rank, rank_ * 4)
                               : rank_;
  ++undamped_;
  if (best_length == 0) return true;  // once more, with more directions cut off; the move may not be finite
  for (Index p = 0; p < parameters_; ++p) x[static_cast<std::size_t>(p)] += best_length * move_[p];
  return true;
}

std::vector<double> LevenbergMarquardt::snapshot() const {
  return {damping_, guarded_ ? 1.0 : 0.0, static_cast<double>(undamped_), static_cast<double>(since_), rank_,
          mark_};
}

void LevenbergMarquardt::restore(std::span<const double> numbers) {
  if (numbers.size() != 6)
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("least squares: a snapshot of {} numbers; expected 6", numbers.size()));
  damping_ = numbers[0];
  guarded_ = numbers[1] != 0;
  undamped_ = static_cast<int>(numbers[2]);
  since_ = static_cast<int>(numbers[3]);
  rank_ = numbers[4];
  mark_ = numbers[5];
}

LeastSquaresEnd LevenbergMarquardt::step(const LeastSquaresProblem& problem, std::span<double> x) {
  if (spec_.gauss_newton && !guarded_) {
    if (undamped_step(problem, x)) return refresh(problem, x);
    guarded_ = true;
  }
  for (;;) {
    solve_damped();
    if (loss_at(problem, x, 1) < value_) break;
    damping_ *= spec_.rise;
    if (damping_ > spec_.largest_damping) return LeastSquaresEnd::damping;
  }
  std::copy(trial_.begin(), trial_.end(), x.begin());
  damping_ *= spec_.fall;
  return refresh(problem, x);
}

}  // namespace starling::optim
