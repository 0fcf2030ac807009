#pragma once
#include <functional>
#include <span>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/optim/line_search.h"

namespace starling::optim {

/// The value at x and, in `gradient`, its derivatives.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

/// How the inverse Hessian H is learned from a step s and the change y of the gradient; ρ = 1/y·s, h = ρ
/// y·Hy, b = ρ s·H⁻¹s, from its first value 1.
enum class QuasiNewtonMethod {
  lbfgs,      ///< the last `memory` pairs (Liu & Nocedal, Math. Program. 45, 1989)
  bfgs,       ///< H of n² numbers
  ssbfgs_ab,  ///< BFGS after H / min(1, 1/b) (Al-Baali, 1998)
  ssbroyden2  ///< self-scaled, with the parameter of Al-Baali and Khalfan, as Urbán et al. use it
              ///< (arXiv:2405.04230)
};

struct QuasiNewtonSpec {
  QuasiNewtonMethod method = QuasiNewtonMethod::ssbroyden2;
  int memory = 50;    ///< pairs of lbfgs
  WolfeSpec wolfe{};  ///< of the line search
};

/// Why a step was not taken.
enum class QuasiNewtonEnd {
  none,         ///< it was
  stationary,   ///< the gradient is 0
  line_search,  ///< neither search finds a step: rounding, as a rule
  not_finite    ///< the value or gradient is not finite
};

/// Quasi-Newton steps along strong Wolfe searches. The first trial length is scipy's: 1, or less where the
/// last fall of the value was small. Pairs with y·s <= 0 leave H as it is.
class QuasiNewton {
 public:
  QuasiNewton(const QuasiNewtonSpec& spec, base::Index size);

  /// Evaluates the function at x, H kept: at the start, and after the function has changed.
  QuasiNewtonEnd start(const SmoothFunction& function, std::span<const double> x);
  /// Forgets what is known of H.
  void reset();
  /// Moves x by one step. `start` comes before the first.
  QuasiNewtonEnd step(const SmoothFunction& function, std::span<double> x);

  /// All that the next step depends on, but for x: to be stored and restored, to the bit. Error{usage} for
  /// numbers that are not of this method and size.
  std::vector<double> snapshot() const;
  void restore(std::span<const double> numbers);

  double value() const { return value_; }
  std::span<const double> gradient() const { return gradient_; }
  double gradient_norm() const;
  double step_length() const { return length_; }

 private:
  void find_direction();
  void two_loops();
  void learn();
  void update_inverse(double scale, double phi, double hessian_y, double rho);
  double self_scaled(double h, double b, double& phi) const;

  QuasiNewtonSpec spec_;
  base::Index size_;
  double value_ = 0, former_value_ = 0, length_ = 0, slope_ = 0;
  bool first_update_ = true, fresh_ = true;
  std::vector<double> gradient_, next_gradient_, direction_, trial_, s_, y_, hy_;
  std::vector<double> inverse_;  // H, row-major
  std::vector<double> pairs_, rhos_, alphas_;
  int stored_ = 0, newest_ = -1;
};

}  // namespace starling::optim
