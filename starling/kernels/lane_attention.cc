// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/lane_attention.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/kernels/lane_attention-inl.h"
#include "starling/kernels/lane_attention.h"
#include "starling/simd/dispatch.h"
#include "starling/simd/target.h"

#ifndef STARLING_KERNELS_LANE_ATTENTION_ONCE
#define STARLING_KERNELS_LANE_ATTENTION_ONCE
namespace starling::kernels {

// The arguments of all three calls.
template <class T>
struct AttentionCall {
  const AttentionShape& shape;
  LaneWeights kind;
  T scale;
  const T* weights;
  const T* x;
  const T* direction;  // dx or p
  T* out;
  T* gradient;
  T* room;
};

}  // namespace starling::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

// Calls visit(attention, weights of a head, its gradient) for every head.
template <bool shared, class T, class Visit>
HWY_INLINE void visit_heads(const AttentionCall<T>& call, Visit visit) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t size = call.shape.head() * (shared ? 1 : static_cast<std::ptrdiff_t>(hn::Lanes(d)));
  LaneAttention<hn::ScalableTag<T>, shared> attention(d, call.shape, call.room);
  for (std::ptrdiff_t h = 0; h < call.shape.heads; ++h) {
    visit(attention, call.weights + h * size, call.gradient == nullptr ? nullptr : call.gradient + h * size);
  }
}

template <bool shared, class T>
void forward_kind(const AttentionCall<T>& call) {
  visit_heads<shared>(call, [&](auto& attention, const T* head, T*) {
    attention.forward(head, call.scale, call.x, call.out);
  });
}
template <bool shared, class T>
void tangent_kind(const AttentionCall<T>& call) {
  visit_heads<shared>(call, [&](auto& attention, const T* head, T*) {
    attention.tangent(head, call.scale, call.x, call.direction, call.out);
  });
}
template <bool shared, class T>
void adjoint_kind(const AttentionCall<T>& call) {
  visit_heads<shared>(call, [&](auto& attention, const T* head, T* gradient) {
    attention.adjoint(head, call.scale, call.x, call.direction, call.out, gradient);
  });
}

template <class T>
void forward(const AttentionCall<T>& c) {
  c.kind == LaneWeights::shared ? forward_kind<true>(c) : forward_kind<false>(c);
}
template <class T>
void tangent(const AttentionCall<T>& c) {
  c.kind == LaneWeights::shared ? tangent_kind<true>(c) : tangent_kind<false>(c);
}
template <class T>
void adjoint(const AttentionCall<T>& c) {
  c.kind == LaneWeights::shared ? adjoint_kind<true>(c) : adjoint_kind<false>(c);
}
STARLING_INSTANTIATE(forward);
STARLING_INSTANTIATE(tangent);
STARLING_INSTANTIATE(adjoint);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(forward);
STARLING_EXPORT(tangent);
STARLING_EXPORT(adjoint);

template <class T>
std::ptrdiff_t attention_lanes() {
  return simd::vector_bytes() / static_cast<std::ptrdiff_t>(sizeof(T));
}

template <class T>
AttentionWorkspace<T>::AttentionWorkspace(const AttentionShape& shape)
    : room_(static_cast<std::size_t>(
          (8 * shape.tokens * shape.head_width + 2 * shape.tokens * shape.tokens + shape.head()) *
          attention_lanes<T>())) {}

template <class T>
void add_attention(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                   T* out, const AttentionWorkspace<T>& workspace) {
  STARLING_DISPATCH(T, forward)
  ({shape, kind, scale, weights, x, nullptr, out, nullptr, workspace.data()});
}

template <class T>
void add_attention_tangent(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights,
                           const T* x, const T* dx, T* out, const AttentionWorkspace<T>& workspace) {
  STARLING_DISPATCH(T, tangent)
  ({shape, kind, scale, weights, x, dx, out, nullptr, workspace.data()});
}

template <class T>
void add_attention_adjoint(const AttentionShape& shape, LaneWeights kind, T scale, const T* weights,
                           const T* x, const T* p, T* out, T* gradient,
                           const AttentionWorkspace<T>& workspace) {
  STARLING_DISPATCH(T, adjoint)
  ({shape, kind, scale, weights, x, p, out, gradient, workspace.data()});
}

#define STARLING_ATTENTION(T)                                                                              \
  template std::ptrdiff_t attention_lanes<T>();                                                            \
  template class AttentionWorkspace<T>;                                                                    \
  template void add_attention(const AttentionShape&, LaneWeights, T, const T*, const T*, T*,               \
                              const AttentionWorkspace<T>&);                                               \
  template void add_attention_tangent(const AttentionShape&, LaneWeights, T, const T*, const T*, const T*, \
                                      T*, const AttentionWorkspace<T>&);                                   \
  template void add_attention_adjoint(const AttentionShape&, LaneWeights, T, const T*, const T*, const T*, \
                                      T*, T*, const AttentionWorkspace<T>&);
STARLING_ATTENTION(float)
STARLING_ATTENTION(double)
#undef STARLING_ATTENTION

}  // namespace starling::kernels
#endif
