// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/lane_attention.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/kernels/lane_attention-inl.h"
#include "starling/kernels/lane_attention.h"

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

void forward_float(const AttentionCall<float>& c) {
  c.kind == LaneWeights::shared ? forward_kind<true>(c) : forward_kind<false>(c);
}
void forward_double(const AttentionCall<double>& c) {
  c.kind == LaneWeights::shared ? forward_kind<true>(c) : forward_kind<false>(c);
}
void tangent_float(const AttentionCall<float>& c) {
  c.kind == LaneWeights::shared ? tangent_kind<true>(c) : tangent_kind<false>(c);
}
void tangent_double(const AttentionCall<double>& c) {
  c.kind == LaneWeights::shared ? tangent_kind<true>(c) : tangent_kind<false>(c);
}
void adjoint_float(const AttentionCall<float>& c) {
  c.kind == LaneWeights::shared ? adjoint_kind<true>(c) : adjoint_kind<false>(c);
}
void adjoint_double(const AttentionCall<double>& c) {
  c.kind == LaneWeights::shared ? adjoint_kind<true>(c) : adjoint_kind<false>(c);
}
std::ptrdiff_t vector_bytes() {
  return static_cast<std::ptrdiff_t>(hn::Lanes(hn::ScalableTag<unsigned char>()));
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

HWY_EXPORT(forward_float);
HWY_EXPORT(forward_double);
HWY_EXPORT(tangent_float);
HWY_EXPORT(tangent_double);
HWY_EXPORT(adjoint_float);
HWY_EXPORT(adjoint_double);
HWY_EXPORT(vector_bytes);

template <class T>
std::ptrdiff_t attention_lanes() {
  return HWY_DYNAMIC_DISPATCH(vector_bytes)() / static_cast<std::ptrdiff_t>(sizeof(T));
}

template <class T>
AttentionWorkspace<T>::AttentionWorkspace(const AttentionShape& shape)
    : room_(static_cast<std::size_t>(
          (8 * shape.tokens * shape.head_width + 2 * shape.tokens * shape.tokens + shape.head()) *
          attention_lanes<T>())) {}

template <>
void add_attention(const AttentionShape& shape, LaneWeights kind, float scale, const float* weights,
                   const float* x, float* out, const AttentionWorkspace<float>& workspace) {
  HWY_DYNAMIC_DISPATCH(forward_float)
  ({shape, kind, scale, weights, x, nullptr, out, nullptr, workspace.data()});
}
template <>
void add_attention(const AttentionShape& shape, LaneWeights kind, double scale, const double* weights,
                   const double* x, double* out, const AttentionWorkspace<double>& workspace) {
  HWY_DYNAMIC_DISPATCH(forward_double)
  ({shape, kind, scale, weights, x, nullptr, out, nullptr, workspace.data()});
}
template <>
void add_attention_tangent(const AttentionShape& shape, LaneWeights kind, float scale, const float* weights,
                           const float* x, const float* dx, float* out,
                           const AttentionWorkspace<float>& workspace) {
  HWY_DYNAMIC_DISPATCH(tangent_float)
  ({shape, kind, scale, weights, x, dx, out, nullptr, workspace.data()});
}
template <>
void add_attention_tangent(const AttentionShape& shape, LaneWeights kind, double scale, const double* weights,
                           const double* x, const double* dx, double* out,
                           const AttentionWorkspace<double>& workspace) {
  HWY_DYNAMIC_DISPATCH(tangent_double)
  ({shape, kind, scale, weights, x, dx, out, nullptr, workspace.data()});
}
template <>
void add_attention_adjoint(const AttentionShape& shape, LaneWeights kind, float scale, const float* weights,
                           const float* x, const float* p, float* out, float* gradient,
                           const AttentionWorkspace<float>& workspace) {
  HWY_DYNAMIC_DISPATCH(adjoint_float)
  ({shape, kind, scale, weights, x, p, out, gradient, workspace.data()});
}
template <>
void add_attention_adjoint(const AttentionShape& shape, LaneWeights kind, double scale, const double* weights,
                           const double* x, const double* p, double* out, double* gradient,
                           const AttentionWorkspace<double>& workspace) {
  HWY_DYNAMIC_DISPATCH(adjoint_double)
  ({shape, kind, scale, weights, x, p, out, gradient, workspace.data()});
}

template std::ptrdiff_t attention_lanes<float>();
template std::ptrdiff_t attention_lanes<double>();
template class AttentionWorkspace<float>;
template class AttentionWorkspace<double>;

}  // namespace starling::kernels
#endif
