#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "starling/systems/pinn/linear_operator.h"
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
// In windows of time, each a network of its own, the error at the first time of a window is at most that at
// the end of the window before and the jump between both networks there, which is measured; so the second and
// third line hold from window to window.
//
// β is the least of L_i²/(8 k_i) for b_i = 0, L_i/|b_i| otherwise, 1/c and T: barriers of the maximum
// principle.

struct CertificateSpec {
  int samples = 0;           ///< along an axis, at least 8; 0 picks 512, 96, 32 or 16 for 1 to 4 axes
  std::int64_t windows = 1;  ///< of time; parameters are those of all, one set after another
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
  double jump_supremum = 0;                   ///< the largest of a jump between windows
  double refinement = 0;  ///< the larger relative change of both bounds against half as many samples
};

/// The certificate of a solution of a system with one equation for `solution`, refused with a reason where no
/// estimate holds: several equations, coefficients that vary or are learned, holes, periodic axes, a side on
/// which the solution is not given. Error{usage} for too few samples, a network that does not fit, a residual
/// or a boundary value that is not finite.
Certificate certify(const System& system, int solution, const nets::JetNetwork& network,
                    std::span<const double> parameters, const CertificateSpec& spec = {});

}  // namespace starling::pinn
