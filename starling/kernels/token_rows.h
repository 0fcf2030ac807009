#pragma once
#include <cstdint>

#include "starling/base/matrix.h"

namespace starling::kernels {

// What a transformer does to rows of numbers between its matrix products; T is float or double, memory
// row-major and dense. Vectorised; sums run in one fixed order.

/// y = gain (x - mean) / √(variance + 1e-5) + bias for each row of x (n, width); `bias` may be null.
/// `scales` (n, 2) keeps mean and 1/√(variance + 1e-5) of each row.
template <class T>
void layer_norm(base::Index n, base::Index width, const T* x, const T* gain, const T* bias, T* y, T* scales);

/// d_x += the gradient at x, from d_y (n, width); d_gain and, where it is not null, d_bias (width) += theirs.
template <class T>
void layer_norm_backward(base::Index n, base::Index width, const T* x, const T* scales, const T* gain,
                         const T* d_y, T* d_x, T* d_gain, T* d_bias);

/// after = x Φ(x) with Φ the normal distribution function, and in place of x the slope Φ(x) + x φ(x). Float:
/// Φ to 2e-7 (Abramowitz & Stegun, 7.1.26).
template <class T>
void gelu(base::Index count, T* x, T* after);

/// a *= b
template <class T>
void multiply(base::Index count, T* a, const T* b);

/// Rows of scores (n, n) become attention: entry (i, j) is e^{scale s_ij} / Σ_{k<=i} e^{scale s_ik} for j <=
/// i and 0 beyond.
template <class T>
void causal_softmax(base::Index n, T scale, T* scores);

/// d_p (n, n) at attention p becomes the gradient at the scores: scale p (d_p - Σ_k p d_p), 0 beyond j = i.
template <class T>
void causal_softmax_backward(base::Index n, T scale, const T* p, T* d_p);

/// -log softmax(logits)[target] of a row in nats; the row becomes share (softmax - one hot target).
template <class T>
double cross_entropy_row(base::Index classes, std::int32_t target, T share, T* logits);

/// to += from, of `count` numbers.
template <class T>
void add(base::Index count, const T* from, T* to);

}  // namespace starling::kernels
