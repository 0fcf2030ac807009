#pragma once
#include <span>
#include <vector>

#include "starling/base/matrix.h"

namespace starling::optim {

/// Shampoo (Gupta, Koren & Singer, 2018, algorithm 1) with running means freed of their start: L = mean G Gᵀ,
/// R = mean Gᵀ G, and the step L^(-1/4) M R^(-1/4).
struct ShampooSpec {
  double momentum = 0.9;  ///< of the gradient, in [0, 1)
  double second = 0.95;   ///< of L and R, in [0, 1)
  double epsilon = 1e-8;  ///< added to eigenvalues, over the largest
  double decay = 0;       ///< decoupled
  int every = 10;         ///< steps between eigendecompositions, >= 1; the first so many steps renew
                          ///< them each, and Shampoo does where a stale one steps too far
};

/// SOAP (Vyas et al., arXiv:2409.11321, algorithm 3): Adam in the eigenbases of Shampoo's L and R.
struct SoapSpec {
  double beta1 = 0.95, beta2 = 0.95;  ///< in [0, 1); beta2 also of L and R
  double epsilon = 1e-8;
  double decay = 0;
  int every = 10;
};

/// A matrix kept to twice the digits of T, in two parts: what is summed from outer products and then taken
/// to a negative power has no digits to lose, and its parts can be saved and restored.
template <class T>
struct TwicePrecise {
  base::Points<T> high, low;

  explicit TwicePrecise(base::Index n) : high(base::Points<T>::Zero(n, n)), low(high) {}
  Eigen::MatrixXd value() const { return high.template cast<double>() + low.template cast<double>(); }
  void set(const Eigen::MatrixXd& value) {
    high = value.template cast<T>();
    low = (value - high.template cast<double>()).template cast<T>();
  }
};

/// Either on one (rows, columns) matrix; eigendecompositions in double. state() and the number of steps are
/// all that the next step depends on, to be saved and restored.
template <class T>
class Shampoo {
 public:
  Shampoo(const ShampooSpec& spec, base::Index rows, base::Index columns);
  /// Error{numerical} for a gradient that is not finite, before anything has changed.
  void step(double rate, std::span<T> parameters, std::span<const T> gradient);
  std::vector<std::span<T>> state();
  void restore_steps(std::int64_t steps) { steps_ = steps; }

 private:
  void renew();

  ShampooSpec spec_;
  std::int64_t steps_ = 0;
  base::Points<T> momentum_, left_root_, right_root_;
  TwicePrecise<T> left_, right_;
};

template <class T>
class Soap {
 public:
  Soap(const SoapSpec& spec, base::Index rows, base::Index columns);
  void step(double rate, std::span<T> parameters, std::span<const T> gradient);
  std::vector<std::span<T>> state();
  void restore_steps(std::int64_t steps) { steps_ = steps; }

 private:
  SoapSpec spec_;
  std::int64_t steps_ = 0;
  base::Points<T> first_, second_, left_basis_, right_basis_;
  TwicePrecise<T> left_, right_;
};

extern template class Shampoo<float>;
extern template class Shampoo<double>;
extern template class Soap<float>;
extern template class Soap<double>;

}  // namespace starling::optim
