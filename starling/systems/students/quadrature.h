#pragma once
#include "starling/systems/students/moments.h"

namespace starling::students {

/// The largest error of a moment by quadrature, relative to √(M_ii(1, 1) M_jj(2, 2)), which bounds the moment
/// (Cauchy and Schwarz).
inline constexpr double quadrature_tolerance = 1e-12;

/// σ(h), σ'(h), ..., σ''''(h) of tanh, sigmoid, softplus or silu.
using Jet = Eigen::Matrix<double, 5, 1>;
Jet jet(Activation activation, double h);

/// One neuron σ(r z + b), z ~ N(0, 1), in Hermite polynomials: σ^(i)(r z + b) = Σ_p c_p^(i) He_p(z)/√p!. The
/// coefficients come from the trapezoidal rule in t, z = z0 + λ sinh t, with nodes as dense as σ is steep
/// around its bend z0 = -b/r. For functions analytic in a strip that rule converges exponentially (Trefethen
/// and Weideman, SIAM Rev. 56 (2014)), and the strip does not shrink as r grows, as that of Gauss-Hermite
/// does. The step is halved until two agree to the tolerance; the difference is the reported error, which the
/// finer rule undercuts.
class Expansion {
 public:
  /// For tanh, sigmoid, softplus and silu; Error{numerical} where the finest rule does not reach the
  /// tolerance or numbers overflow.
  Expansion(Activation activation, double r, double b, double tolerance = quadrature_tolerance);

  Activation activation() const { return activation_; }
  double length() const { return r_; }
  double bias() const { return b_; }
  double error() const { return error_; }
  const Moments& own() const { return own_; }  ///< E[σ^(i)(h) σ^(j)(h)], all i, j <= 4
  MeanMoments means() const;
  const Eigen::Matrix<double, 5, Eigen::Dynamic>& coefficients() const { return coefficients_; }
  /// √(Σ_{q >= p} (c_q^(i))² / M_ii): what the first p terms leave.
  const Eigen::Matrix<double, 5, Eigen::Dynamic>& remainder() const { return remainder_; }

 private:
  void integrate(double step);
  void weigh_remainders();

  Activation activation_;
  double r_, b_;
  double error_ = 0;
  Moments own_;
  Eigen::Matrix<double, 5, Eigen::Dynamic> coefficients_, remainder_;
};

/// Moments with a bound of their error, relative as `quadrature_tolerance` is.
struct Averages {
  Moments moments;
  double error;
};

/// A neuron with itself: one integral.
Averages self_averages(const Expansion& neuron);

/// Two neurons of correlation ρ = c/(r1 r2): M_ij = Σ_p ρ^p c_p^(i)(1) c_p^(j)(2), cut where |ρ|^p times the
/// remainders is below the tolerance; where 128 terms do not suffice (|ρ| near 1 and long weights), two
/// nested trapezoidal rules for h1 and for h2 given h1, halved until they agree. Error{numerical} where the
/// finest does not reach the tolerance.
Averages pair_averages(const Expansion& first, const Expansion& second, const Overlap& pair,
                       double tolerance = quadrature_tolerance);

/// The same for a pair alone.
Averages quadrature(Activation activation, const Overlap& pair, double b1 = 0, double b2 = 0,
                    double tolerance = quadrature_tolerance);

}  // namespace starling::students
