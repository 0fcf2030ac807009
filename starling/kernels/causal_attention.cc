// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/causal_attention.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/kernels/causal_attention.h"
#include "starling/kernels/panel_product-inl.h"
#include "starling/kernels/scratch.h"
#include "starling/kernels/token_rows.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

// out_ij = left_i · b_j on and below the diagonal, and what else lies in the panels there: b (t, size) in
// panels of its transpose.
template <class T>
HWY_INLINE void below_diagonal(Index t, Index size, const T* left, Index stride, const T* panels, T* out) {
  over_panels<T>(t, [&](Index column, Index count, Index panel) {
    const PanelRows<T> one{
        left + column * stride,    stride, size, panels + panel * panel_apart<T>(size), count, nullptr,
        out + column * t + column, t};
    one_panel<Left::rows>(one, t - column);
  });
}

// out = s b, or sᵀ b, for s (t, t) with zeros above its diagonal and b (t, size) in panels: some rows at
// once, to leave most of the zeros out.
template <Left L, class T>
HWY_INLINE void triangle_product(Index t, Index size, const T* s, const T* panels, T* out, Index out_stride) {
  over_panels<T>(t, [&](Index row, Index count, Index) {
    const Index first = L == Left::rows ? 0 : row, last = L == Left::rows ? row + count : t;
    const T* left = L == Left::rows ? s + row * t : s + row * t + row;
    const PanelRows<T> all{left, t, last - first, panels, size, nullptr, out + row * out_stride, out_stride};
    all_panels<L>(all, count, first, t);
  });
}

template <class T>
void forward(const CausalHead& head, T scale, const T* q, const T* k, const T* v, T* shares, T* out) {
  const Index t = head.length, size = head.size, panels = panels_size<T>(size, t);
  T* keys = thread_scratch<T>(static_cast<std::size_t>(panels + panels_size<T>(t, size)));
  T* values = keys + panels;
  pack_transposed(size, t, k, head.stride, keys);
  below_diagonal(t, size, q, head.stride, keys, shares);
  causal_softmax(t, scale, shares);
  pack_panels(t, size, v, head.stride, values);
  triangle_product<Left::rows>(t, size, shares, values, out, head.out_stride);
}

template <class T>
void backward(const CausalHead& head, T scale, const T* shares, const T* d_out, T* q, T* k, T* v) {
  const Index t = head.length, size = head.size, panels = panels_size<T>(t, size);
  const Index all = 3 * panels + t * t + panels_size<T>(size, t);
  T *queries = thread_scratch<T>(static_cast<std::size_t>(all)), *keys = queries + panels,
    *outs = keys + panels, *d_shares = outs + panels, *values = d_shares + t * t;
  pack_panels(t, size, q, head.stride, queries);
  pack_panels(t, size, k, head.stride, keys);
  pack_panels(t, size, d_out, head.out_stride, outs);
  pack_transposed(size, t, v, head.stride, values);
  below_diagonal(t, size, d_out, head.out_stride, values, d_shares);
  causal_softmax_backward(t, scale, shares, d_shares);
  triangle_product<Left::columns>(t, size, shares, outs, v, head.stride);
  triangle_product<Left::rows>(t, size, d_shares, keys, q, head.stride);
  triangle_product<Left::columns>(t, size, d_shares, queries, k, head.stride);
}

STARLING_INSTANTIATE(forward);
STARLING_INSTANTIATE(backward);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(forward);
STARLING_EXPORT(backward);

#define STARLING_ATTENTION(T)                                                                            \
  template <>                                                                                            \
  void causal_attention(const CausalHead& head, T scale, const T* q, const T* k, const T* v, T* shares,  \
                        T* out) {                                                                        \
    STARLING_DISPATCH(T, forward)(head, scale, q, k, v, shares, out);                                    \
  }                                                                                                      \
  template <>                                                                                            \
  void causal_attention_backward(const CausalHead& head, T scale, const T* shares, const T* d_out, T* q, \
                                 T* k, T* v) {                                                           \
    STARLING_DISPATCH(T, backward)(head, scale, shares, d_out, q, k, v);                                 \
  }
STARLING_ATTENTION(float)
STARLING_ATTENTION(double)
#undef STARLING_ATTENTION

}  // namespace starling::kernels
#endif
