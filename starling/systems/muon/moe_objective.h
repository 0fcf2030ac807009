#pragma once
#include "starling/systems/muon/objective.h"

namespace starling::muon {

/// The sizes of one expert: a transformer block without normalisation, and its gate.
struct MoeShape {
  base::Index width = 0, head = 0, hidden = 0;  ///< of a token, of the attention head, of the MLP
};

/// A mixture of experts, gated softly, as a mean field. A particle is an expert of seven blocks: Q, K, V
/// (width, head), O (head, width), W1 (width, hidden), W2 (hidden, width), gate u (width, 1). On the tokens X
/// (T, width):
///   A = row softmax of (XQ)(XK)ᵀ/√head   B = X + A (XV) O   E = B + tanh(B W1) W2   logits s = X u
///   f_t = ∫ e^{s_t} E_t dρ / ∫ e^{s_t} dρ           J = mean over all entries of ½ (f - Y)²
/// f is a ratio of two means, so J = R(∫ F dρ) with F = (e^s E, e^s), and the dissipation identity holds.
/// Error{input} for shapes that do not fit or numbers that are not finite.
std::unique_ptr<Objective> moe_objective(base::Points<double> x, base::Points<double> y, MoeShape shape);

}  // namespace starling::muon
