#pragma once
#include <functional>
#include <span>
#include <vector>

#include "starling/systems/depth/head_law.h"
#include "starling/systems/depth/network.h"

namespace starling::depth {

/// The heads of one layer at depth s in [0, 1], as many at every depth, each as likely as the others.
using HeadsAt = std::function<std::vector<double>(double s)>;

/// Sizes of the limit problem.
struct LimitSpec {
  Index head_width = 0, width = 0, tokens = 0;
  bool causal = false;
  kernels::Norm norm = kernels::Norm::none;
  double tolerance = 1e-13;  ///< of x(1) and p(0), largest entry, relative where entries exceed 1
};

/// The forward-backward system of infinite depth: dX/ds = E_{μ_s}[attn(X)], dp/ds = -(∂E_{μ_s}[attn])ᵀ p,
/// p(1) = (X(1) - y) / tokens.
struct Limit {
  std::vector<double> x1, p0;  ///< p0 is empty without y
  double loss = 0;
  double error = 0;  ///< what the last doubling changed of x1 or p0: an upper bound of their error
  Index panels = 0;
};

/// Solves it by Gauss-Legendre collocation with four nodes a panel (order 8), panels doubled until nothing
/// moves by more than the tolerance. The backward pass takes the same nodes, which makes p0 the exact
/// gradient of the forward pass (the method is symplectic). Error{usage} for sizes that do not fit,
/// Error{numerical} for heads that are not smooth in s, as 4096 panels do not suffice then, or that are not
/// finite.
Limit solve_limit(const LimitSpec& spec, const HeadsAt& heads, std::span<const double> x,
                  std::span<const double> y = {});

/// f of infinitely many layers, and c of the error c/L, from f_L, f_2L and f_4L, up to terms of order L^-3
/// and L^-2: f = (8 f_4L - 6 f_2L + f_L) / 3, c = 2 L (5 f_2L - 4 f_4L - f_L).
struct Extrapolated {
  std::vector<double> limit, slope;
};
Extrapolated richardson(Index layers, std::span<const double> coarse, std::span<const double> middle,
                        std::span<const double> fine);

/// Error{usage} for a law with neurons, whose limit the functions below do not solve.
void require_heads_alone(const HeadLaw& law);

/// b of the law E mean_i |x_i - X_i|² ≈ a / L² + b / (L H) of a network whose heads are drawn from the law,
/// by the delta method on the stratified network of that many layers: b = 1/(L n) Σ_l Σ_directions Var_θ
/// <p_{l+1}, attn_θ(X_l)>, p the adjoint of one of the n d outputs.
double fluctuation_constant(const HeadLaw& law, Index layers, Index tokens, std::span<const double> x,
                            bool causal = false);

/// The same in the limit, from 16, 32 and 64 layers, and a = mean_i |c_i|² from 32, 64 and 128.
struct RateConstants {
  double a = 0, b = 0;
};
RateConstants rate_constants(const HeadLaw& law, Index tokens, std::span<const double> x,
                             bool causal = false);

/// Mean over tokens of |a_i - b_i|².
double mean_square_distance(std::span<const double> a, std::span<const double> b, Index tokens);

}  // namespace starling::depth
