#pragma once
#include <optional>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/systems/students/quadrature.h"

namespace starling::students {

/// The neurons of one hidden layer, f(x) = Σ_i a_i σ(w_i.x + bias_i) + output: a student, a teacher, or a
/// direction in the student's space. A student without biases has none to train, whatever its teacher has.
struct Neurons {
  base::Points<double> w;             ///< incoming weights, (n, d)
  base::Vector<double> a;             ///< outgoing weights, (n)
  base::Vector<double> bias = {};     ///< of the hidden neurons, (n), or empty: none
  std::optional<double> output = {};  ///< output bias, if there is one

  bool biased() const { return bias.size() > 0; }
};

enum class Outgoing {
  free,  ///< trained together with the incoming weights
  fixed  ///< constants of the problem
};

/// The partial derivatives of κ between each student i and each neuron j of the students followed by the
/// teachers: (n, n + k). Where student or teacher has an output bias, one more column: the neuron σ = 1.
struct Couplings {
  Eigen::ArrayXXd value, d1, dc, d11, d12, d1c, d2c, dcc;
  Eigen::ArrayXXd db, d1b, dcb, d2b;  ///< empty for a student without biases
  double error = 0;  ///< of a quadrature, relative as `quadrature_tolerance`; 0 for closed forms
};

/// L = E[(f(x) - f*(x))²] over x ~ N(0, I), exactly; there is NO factor 1/2 (Safran and Shamir, Arjevani and
/// Field have one).
///   L = Σ_ij a_i a_j g(w_i, w_j) - 2 Σ_ij a_i b_j g(w_i, v_j) + Σ_ij b_i b_j g(v_i, v_j),  g(w, v) = κ(|w|²,
///   w.v, |v|²)
/// and with output biases (c - c*)² + 2 (c - c*)(E f - E f*) on top, c and c* being 0 where absent.
/// Şimşek et al., arXiv:2311.01644. The sums cancel at a perfect student: L is then 0 to about 1e-15 and may
/// be negative.
class Landscape {
 public:
  /// Error{input} for a teacher without neurons, of mismatched shapes or with numbers that are not finite.
  Landscape(Activation activation, Neurons teacher);

  Activation activation() const { return activation_; }
  const Neurons& teacher() const { return teacher_; }
  base::Index dimension() const { return teacher_.w.cols(); }
  double teacher_power() const { return teacher_power_; }  ///< E[(f* - c*)²]

  // Each throws Error{input} for a student of another dimension or with numbers that are not finite, and
  // Error{numerical} where a quadrature misses its tolerance, naming the neurons.
  double mean_squared_error(const Neurons& student) const;
  /// dL/dw_i = 2 a_i R_i, dL/da_i = 2 (Σ_j a_j g_ij - Σ_j b_j g(w_i, v_j)); R as in `residual_forces`,
  /// and dL/dbias_i = 2 a_i Σ_j weight_j ∂g/∂bias_i, dL/dc = 2 (c - c*) + 2 (E f - E f*).
  Neurons gradient(const Neurons& student) const;

  void check(const Neurons& student) const;
  Couplings couplings(const Neurons& student) const;
  base::Points<double> all_incoming(
      const Neurons& student) const;  ///< the rows of students, then of teachers; then 0 for an output bias
  base::Vector<double> all_signed(const Neurons& student) const;  ///< a, then -b; then c - c*

 private:
  double mean_difference(const Neurons& student,
                         const Couplings& couplings) const;  // E f - E f*, without c, c*

  Activation activation_;
  Neurons teacher_;
  std::vector<Expansion> teacher_expansions_;  // empty for closed forms
  double teacher_power_;                       // E[(f* - c*)²]
  double teacher_mean_ = 0;                    // E[f*] - c*, where there is an output bias
};

/// The largest error of the averages behind loss, gradient and Hessian; 0 for activations in closed form.
double quadrature_error(const Landscape& landscape, const Neurons& student);

/// R_i = Σ_j a_j ∂_w g(w_i, w_j) - Σ_j b_j ∂_w g(w_i, v_j), with ∂_w g = 2 κ_1 w + κ_c v: (n, d).
base::Points<double> residual_forces(const Landscape& landscape, const Neurons& student,
                                     const Couplings& couplings);

}  // namespace starling::students
