#pragma once
#include <functional>
#include <string>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/systems/pinn/equation.h"

namespace starling::pinn {

// A reconstruction of the generalisation bound of "Unified generalization analysis for physics informed
// neural networks" (arXiv:2605.13260), whose own constants are not known to us: Koopman operators of the
// layers on Sobolev spaces H^s, with every factor explicit. |f|_s² = ∫ (1 + |w|²)^s |f^(w)|² dw, unitary
// transform.

/// sup k_s(x, x) = (4π)^(-d/2) Γ(s - d/2) / Γ(s), the square B_s² of the kernel's constant. Error{usage}
/// unless s > d/2.
double kernel_constant_squared(double s, int d);
/// (4π)^(-k/2) Γ(s) / Γ(s + k/2): what a function gains by restriction to a plane of k axes fewer; 1 for k =
/// 0.
double trace_constant(double s, int k);

/// A weight W (outputs, inputs) as a map of functions: |f ∘ W|_s <= κ |f|_{s + k/2}, k = outputs - inputs,
/// with κ = √C₂(s, k) max(1, σ_max)^s / Π √σ_i. Infinite without full column rank.
struct LayerFactor {
  std::vector<double> singular_values{};  ///< descending
  base::Index inputs = 0, outputs = 0, rank = 0;
  double s = 0;
  double log_kappa = 0;  ///< natural
  std::string note{};    ///< why it is infinite
};
LayerFactor layer_factor(const base::Points<double>& weight, double s);

/// Hidden layers of a network one after another, s growing by k/2 from each to the next; the last, linear
/// layer of one output is no composition and is left out. Activations are left out too: their factors grow
/// like exponentials of the width.
std::vector<LayerFactor> network_factors(const std::vector<base::Points<double>>& weights, double s);

/// One product of derivatives in a residual: |coefficient| B^p Π |∂^α u|.
struct BoundTerm {
  std::vector<Symbol> factors{};
  double coefficient = 1;
  bool assumed = false;  ///< the coefficient varies with the coordinates and was not measured: taken as 1
  double value = 0;      ///< for the norms given
};

/// A bound n^(-1/2) Σ |a_m| B^p_m Π F_α of the Rademacher complexity of the residuals of an equation, where
/// every derivative of order k has a norm of at most norms[k] (the last for all above): terms of degree 0
/// drop out.
struct Complexity {
  double kernel_constant = 0;      ///< B_s
  std::vector<BoundTerm> terms{};  ///< of a polynomial; empty otherwise
  bool polynomial = true;        ///< else the value is that of the majorant: sin to sinh, exp to exp - 1, ...
  double value = 0, linear = 0;  ///< the bound, and the part of its terms of degree 1
};
/// The root mean square over the points of a coefficient that varies, by its node: what E|Σ ε_i a(x_i) k(x_i,
/// .)| <= B √Σ a² makes of it.
using CoefficientSize = std::function<double(int node)>;
/// Error{usage} for norms that are not positive or n < 1.
Complexity residual_complexity(System& system, int residual, double s, double n,
                               const std::vector<double>& norms, const CoefficientSize& size = {});

/// (√(2 L ln 2) + 1) Π |W|_F / √n for L layers (Golowich, Rakhlin & Shamir, 2018), of networks that are
/// positive homogeneous and 1-Lipschitz; a comparison for others.
double golowich(const std::vector<base::Points<double>>& weights, double n);
/// Π σ_j (Σ (|W_jᵀ|_{2,1} / σ_j)^(2/3))^(3/2) / √n (Bartlett, Foster & Telgarsky, 2017), without its
/// logarithms.
double bartlett(const std::vector<base::Points<double>>& weights, double n);

}  // namespace starling::pinn
