#pragma once
#include <Eigen/Core>
#include <span>
#include <string>
#include <string_view>

namespace starling::students {

/// What a neuron does to its input h = w.x. E[σ(w.x)σ(v.x)], x ~ N(0, I), is in closed form for all but the
/// last four, which go through the quadrature of `quadrature.h`.
enum class Activation {
  erf,        ///< erf(h / √2)
  relu,       ///< max(h, 0)
  phi,        ///< Φ(h), the Gaussian distribution function
  gelu,       ///< h Φ(h)
  linear,     ///< h
  quadratic,  ///< h²
  he2,        ///< h² - 1
  cubic,      ///< h³
  sin,
  cos,
  exp,
  tanh,
  sigmoid,   ///< 1 / (1 + e^-h)
  softplus,  ///< log(1 + e^h)
  silu       ///< h / (1 + e^-h)
};

Activation parse_activation(std::string_view name);  ///< Error{usage} with the nearest name
std::span<const std::string> activation_names();
const std::string& name_of(Activation activation);
bool has_closed_form(Activation activation);
/// p of σ(s h) = s^p σ(h) for s > 0, where a longer w is a larger a; 0 for activations that are not
/// homogeneous.
int degree(Activation activation);
/// Whether σ(-h) = -σ(h): a neuron may then change the signs of w and a together.
bool is_odd(Activation activation);
bool is_even(Activation activation);  ///< σ(-h) = σ(h)

/// What a pair of neurons shares: all that the Gaussian average of their product depends on.
struct Overlap {
  double q1;    ///< |w|²
  double c;     ///< w.v
  double q2;    ///< |v|²
  double gram;  ///< q1 q2 - c² >= 0; kept apart, since the difference loses all digits where w is nearly
                ///< parallel to v
};

/// From the three numbers alone; gram by subtraction.
Overlap overlap(double q1, double c, double q2);
/// Of two vectors; gram as |w|² times what of v is orthogonal to w, to full relative accuracy.
Overlap overlap(const Eigen::Ref<const Eigen::RowVectorXd>& w, const Eigen::Ref<const Eigen::RowVectorXd>& v);
/// Of a neuron with itself: gram is exactly zero.
Overlap self_overlap(double q);

/// κ(q1, c, q2) = E[σ(w.x)σ(v.x)] and its partial derivatives to second order: 1 for |w|², c for w.v, 2 for
/// |v|². Price's theorem: dc = E[σ'σ'], dcc = E[σ''σ''], d1 = E[σ''σ]/2, and d12 = dcc/4 for every
/// activation.
struct Kernel {
  double value = 0;
  double d1 = 0, dc = 0, d2 = 0;
  double d11 = 0, d12 = 0, d22 = 0, d1c = 0, d2c = 0, dcc = 0;
  // With a bias b1 of the first neuron (`moments.h`): ∂κ/∂b1 and its derivatives; ∂²κ/∂b1² = 2 d1 and
  // ∂²κ/∂b1∂b2 = dc need no place of their own.
  double db = 0, d1b = 0, dcb = 0, d2b = 0;
};

/// The kernel of a pair. With A = 1 + q1, B = 1 + q2, D² = A B - c² = 1 + q1 + q2 + gram, S² = gram:
///   erf        (2/π) asin(c/√(AB))           Saad and Solla, Phys. Rev. E 52 (1995)
///   phi        1/4 + asin(c/√(AB)) / 2π
///   relu       [S + (π - θ) c] / 2π, θ = atan2(S, c)            Cho and Saul, NIPS 2009
///   gelu       c/4 + c asin(c/√(AB)) / 2π + [gram + c²(1/A + 1/B)] / 2πD
///   linear c, quadratic q1 q2 + 2c², he2 (q1 - 1)(q2 - 1) + 2c², cubic 6c³ + 9 q1 q2 c
///   sin, cos   e^{-(q1+q2)/2} sinh c, cosh c;  exp  e^{(q1+q2)/2 + c}
/// ReLU's second partials are of order 1/S but enter only in combinations of order S: they are 0 for S < 1e-5
/// √(q1 q2), which is exact for a neuron with itself. A ReLU neuron at w = 0 has no derivative; the mean over
/// directions stands in. tanh, sigmoid, softplus and silu: by quadrature, Error{numerical} where it does not
/// reach `quadrature_tolerance`.
Kernel kernel(Activation activation, const Overlap& pair);

}  // namespace starling::students
