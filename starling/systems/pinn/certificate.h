#pragma once
#include <span>
#include <string>
#include <vector>

#include "starling/systems/pinn/residual.h"

namespace starling::pinn {

// A-posteriori bounds: what the residual of a network says of its error, for linear equations with constant
// coefficients on a box,
//
//     u_t - Σ k_i u_ii + Σ b_i u_i + c u = f,   k_i > 0, c >= 0,   or the same without u_t,
//
// with the values of u given on all sides and, with u_t, at the first time. The error e = network - u solves
// the same equation with the residual r in place of f, and its values on the boundary are measured. With
// λ = π² Σ k_i / L_i² + c (the lowest eigenvalue; the term in b is skew) and the part of e that the boundary
// carries bounded by its largest value (Evans, Partial Differential Equations, 6.4, 7.1),
//
//     without u_t   |e|_2    <= |r|_2 / λ + √|Ω| sup|e| on the sides
//     with u_t      |e(T)|_2 <= e^(-λT) |e(0)|_2 + ∫ e^(-λ(T-s)) |r(s)|_2 ds + √|Ω| sup|e| on the sides
//     both          sup|e|   <= sup|e| on the sides (and at first) + β sup|r|,
//
// where β is the least of L_i²/(8 k_i) for b_i = 0, L_i/|b_i| otherwise, 1/c and T: barriers of the maximum
// principle.

/// The coefficients of an equation, divided by that of u_t, or of a sign that makes k positive.
struct LinearOperator {
  std::string refused{};                         ///< why the estimates do not hold; empty when they do
  bool evolves = false;                          ///< has u_t
  double scale = 1;                              ///< what the residual was divided by
  std::vector<double> diffusion{}, advection{};  ///< one an axis, 0 for t
  double reaction = 0;
};

/// Reads an equation as an operator on `solution`, the node of an unknown or of a definition (u = x (1 - x)
/// n). Error{usage} for a node that reads no unknown.
LinearOperator linear_operator(System& system, int residual, int solution);

struct CertificateSpec {
  int samples = 0;  ///< along an axis, at least 8; 0 picks 512, 96, 32 or 16 for 1 to 4 axes
};

/// Bounds of the error of a network. Norms are Gauss sums, suprema the largest of the samples, so what lies
/// between samples is not excluded; `refinement` tells how far the samples have settled.
struct Certificate {
  std::string refused{};  ///< why there is none; empty when there is one
  double supremum = 0;    ///< sup |e|, over all times
  double norm = 0;        ///< |e|_2 over the box, at the last time of an equation with u_t
  double eigenvalue = 0;  ///< λ
  double barrier = 0;     ///< β
  double residual_supremum = 0;
  double residual_part = 0;                   ///< of `norm`: |r|_2 / λ, or the integral over times
  double side_supremum = 0;                   ///< of the error on the sides
  double start_supremum = 0, start_norm = 0;  ///< of the error at the first time
  double refinement = 0;  ///< the larger relative change of both bounds against half as many samples
};

/// The certificate of a system with one equation for `solution`, refused with a reason where no estimate
/// holds: several equations, coefficients that vary or are learned, holes, periodic axes, a side on which the
/// solution is not given. Error{usage} for too few samples, a network that does not fit, a residual or a
/// boundary value that is not finite.
Certificate certify(const System& system, int solution, const nets::JetNetwork& network,
                    std::span<const double> parameters, const CertificateSpec& spec = {});

}  // namespace starling::pinn
