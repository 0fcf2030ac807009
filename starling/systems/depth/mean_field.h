#pragma once
#include <span>
#include <vector>

#include "starling/systems/depth/head_law.h"

namespace starling::depth {

/// Without a mask the limit is a McKean-Vlasov equation: Γ(x, m, ν) = E_ν[O V ∫ w(x, y) y m(dy)] depends on
/// the law m of the tokens alone, w(x, y) ∝ exp(β <Qx, Ky>) with ∫ w dm = 1. With a(x) = ∫ y w dm:
///   ∂_x Γ = E[O V β Cov_w(x) KᵀQ]
///   ∂_m Γ(x, m)(y) = E[O V w(x, y) (I + (y - a(x)) (β KᵀQ x)ᵀ)]     (Lions' derivative)
/// The adjoint of token i is -dP_i/ds = (∂_x Γ(x_i, m))ᵀ P_i + 1/n Σ_j (∂_m Γ(x_j, m)(x_i))ᵀ P_j.
///
/// That right-hand side for tokens x with adjoints p, both (tokens, width), m the tokens' empirical law and ν
/// the heads'. It equals (∂Γ/∂x)ᵀ p of all tokens together.
std::vector<double> mean_field_adjoint_rate(const HeadLaw& law, std::span<const double> x,
                                            std::span<const double> p);

/// With Q = K = 0 and O V = W in every head: x_i + (e^W - 1) mean_j x_j for layers = 0, the limit, else x_i +
/// ((1 + W/L)^L - 1) mean_j x_j. W is (width, width).
std::vector<double> uniform_attention_end(std::span<const double> x, std::span<const double> w, Index layers);

/// One token of one dimension, Q = K = 0, values v + σ ξ with ξ of variance 1: E (x_L - X(1))² / x_0² =
/// ((1 + v/L)² + σ²/(L² H))^L - 2 e^v (1 + v/L)^L + e^{2v}, about e^{2v} (σ²/(L H) + v⁴/(4 L²)).
double scalar_model_error(Index layers, Index heads, double v, double sigma);

}  // namespace starling::depth
