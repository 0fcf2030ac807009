#pragma once
#include <Eigen/Core>

namespace starling::math {

/// An odd function f with f(s) -> 1 that smooths the sign, f'(0) = 1/e; `e` > 0 is in the units of the
/// singular values. ψ is its integral from 0, ψ* the conjugate of ψ.
enum class Smoothing {
  hyperbolic,  ///< f = s/√(s² + e²)  ψ = √(s² + e²) - e         ψ* = e (1 - √(1 - y²))
  huber,       ///< f = min(s/e, 1)   ψ = s²/2e, then s - e/2    ψ* = e y²/2
  tanh,        ///< f = tanh(s/e)     ψ = e log cosh(s/e)        ψ* = e (y artanh y + ½ log(1 - y²))
  rational     ///< f = s/(s + e)     ψ = s - e log(1 + s/e)     ψ* = -e (y + log(1 - y))
};

/// f on the singular values of a matrix, M = U diag(s) Vᵀ -> U diag(f(s)) Vᵀ: the gradient of Ψ(M) = Σ
/// ψ(s_i), which is (1/e)-Lipschitz in the Frobenius norm. `hyperbolic` is M (MᵀM + e² I)^(-1/2), the
/// regularised map of "Move on Muon" (arXiv:2605.23871). Everything here goes by the singular value
/// decomposition in double: exact to rounding, for any shape, also without rows or columns. Error{numerical}
/// for entries that are not finite.
class SpectralMap {
 public:
  /// Error{usage} unless epsilon is positive and finite.
  explicit SpectralMap(double epsilon, Smoothing smoothing = Smoothing::hyperbolic);

  double epsilon() const { return epsilon_; }
  Eigen::MatrixXd operator()(const Eigen::MatrixXd& m) const;
  /// Ψ(M), between |M|_* - e min(m, n) and |M|_*.
  double potential(const Eigen::MatrixXd& m) const;
  /// Ψ*(Y) = sup <M, Y> - Ψ(M); infinite where |Y|_2 > 1.
  double dual_potential(const Eigen::MatrixXd& y) const;
  /// The derivative of the map at M along H (Daleckii & Krein; Higham, "Functions of Matrices", 2008, theorem
  /// 3.11, for singular values): free of cancellation, also at equal and vanishing ones.
  Eigen::MatrixXd derivative(const Eigen::MatrixXd& m, const Eigen::MatrixXd& h) const;

  // The scalar functions, s >= 0 and 0 <= y <= 1.
  double f(double s) const;
  double psi(double s) const;
  double psi_dual(double y) const;
  /// (f(s) - f(t)) / (s - t), f'(s) where they are equal.
  double difference(double s, double t) const;

 private:
  double epsilon_;
  Smoothing smoothing_;
};

/// U Vᵀ of M = U diag(s) Vᵀ; directions whose singular value is rounding (at most max(m, n) 2⁻⁵² s_max) map
/// to 0, as a zero matrix does. Error{numerical} for entries that are not finite.
Eigen::MatrixXd polar_factor(const Eigen::MatrixXd& m);

/// Singular values, largest first. Error{numerical} for entries that are not finite.
Eigen::VectorXd singular_values(const Eigen::MatrixXd& m);

}  // namespace starling::math
