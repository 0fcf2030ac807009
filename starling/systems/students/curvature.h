#pragma once
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// The second derivatives of a landscape at one student. With w = w_i and v the other neuron,
///   H_ww = 2κ_1 I + 4κ_11 ww' + 2κ_1c (wv' + vw') + κ_cc vv'
///   H_wv = κ_c I + 4κ_12 wv' + 2κ_1c ww' + 2κ_2c vv' + κ_cc vw'
///   (w_i, w_j)  2 a_i a_j H_wv(w_i, w_j) + δ_ij 2 a_i [Σ_l a_l H_ww(w_i, w_l) - Σ_l b_l H_ww(w_i, v_l)]
///   (w_i, a_j)  2 a_i ∂_w g(w_i, w_j) + δ_ij 2 R_i
///   (a_i, a_j)  2 g_ij
/// Twice the ½-convention's Hessian, as the loss is twice its loss.
class Curvature {
 public:
  /// Error{input} as for Landscape::gradient.
  Curvature(const Landscape& landscape, Neurons student);

  /// The Hessian, (P, P): w row by row, then a, P = n (d + 1); n d where the outgoing weights are fixed.
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

  Neurons student_;
  base::Points<double> all_;     // students, then teachers: (n + k, d)
  base::Vector<double> weight_;  // a, then -b
  Couplings pair_;
  base::Points<double> forces_;  // R, (n, d)
};

}  // namespace starling::students
