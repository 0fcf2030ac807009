#pragma once
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// The second derivatives of a landscape at one student. With w = w_i and v the other neuron,
///   H_ww = 2κ_1 I + 4κ_11 ww' + 2κ_1c (wv' + vw') + κ_cc vv'
///   H_wv = κ_c I + 4κ_12 wv' + 2κ_1c ww' + 2κ_2c vv' + κ_cc vw'
///   (w_i, w_j)  2 a_i a_j H_wv(w_i, w_j) + δ_ij 2 a_i [Σ_l a_l H_ww(w_i, w_l) - Σ_l b_l H_ww(w_i, v_l)]
///   (w_i, a_j)  2 a_i ∂_w g(w_i, w_j) + δ_ij 2 R_i
///   (a_i, a_j)  2 g_ij
/// and with biases, from the moments M(i, j) of the pair (`moments.h`),
///   (w_i, bias_j)     2 a_i a_j (M21 w_i + M12 w_j) + δ_ij 2 a_i Σ_l a_l (M30 w_i + M21 x_l)
///   (bias_i, bias_j)  2 a_i a_j M11 + δ_ij 2 a_i Σ_l a_l M20
///   (bias_i, a_j)     2 a_i M10 + δ_ij 2 Σ_l a_l M10
/// where l runs over students, teachers with -b, and the output bias as a neuron σ = 1 with weight c - c*.
/// Twice the ½-convention's Hessian, as the loss is twice its loss.
class Curvature {
 public:
  /// Error{input} as for Landscape::gradient.
  Curvature(const Landscape& landscape, Neurons student);

  /// The Hessian, (P, P): w row by row, then a, then the biases and the output bias that the student has,
  /// P = n (d + 1) without; w and the biases alone where the outgoing weights are fixed.
  Eigen::MatrixXd matrix(Outgoing outgoing = Outgoing::free) const;

  /// The Hessian times a direction of the student's shape, in O(n (n + k) d). With fixed outgoing weights
  /// leave `direction.a` zero and the result's `a` unread.
  Neurons times(const Neurons& direction) const;

  const Neurons& student() const { return student_; }

 private:
  base::Points<double> own_part(const Neurons& direction) const;
  base::Points<double> exchange_part(const Neurons& direction) const;
  Eigen::MatrixXd own_block(base::Index i) const;
  Eigen::MatrixXd exchange_block(base::Index i, base::Index j) const;

  void add_biases(Eigen::MatrixXd& hessian, bool free) const;
  void add_output(Eigen::MatrixXd& hessian) const;
  void times_biases(const Neurons& direction, Neurons& out) const;
  void times_output(const Neurons& direction, Neurons& out) const;

  Neurons student_;
  base::Points<double> all_;     // students, then teachers (and 0 for an output bias): (n + k, d)
  base::Vector<double> weight_;  // a, then -b (and c - c*)
  Couplings pair_;
  base::Points<double> forces_;  // R, (n, d)
};

}  // namespace starling::students
