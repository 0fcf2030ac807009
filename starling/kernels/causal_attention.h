#pragma once
#include "starling/base/matrix.h"

namespace starling::kernels {

/// One head of causal self-attention: queries, keys and values (length, size), rows `stride` apart, and what
/// comes out, rows `out_stride` apart. T is float or double.
struct CausalHead {
  base::Index length, size, stride, out_stride;
};

/// out_i = Σ_{j<=i} shares_ij v_j with shares_ij = e^{scale q_i·k_j} / Σ_{l<=i} e^{scale q_i·k_l}; `shares`
/// (length, length), zeros beyond the diagonal. Half of the square is never computed.
template <class T>
void causal_attention(const CausalHead& head, T scale, const T* q, const T* k, const T* v, T* shares, T* out);

/// Queries, keys and values give way to their gradients, from d_out (length, size; rows out_stride apart) and
/// the shares.
template <class T>
void causal_attention_backward(const CausalHead& head, T scale, const T* shares, const T* d_out, T* q, T* k,
                               T* v);

}  // namespace starling::kernels
