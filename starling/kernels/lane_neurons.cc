// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/lane_neurons.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "starling/kernels/lane_neurons.h"
#include "starling/kernels/lane_rows-inl.h"
#include "starling/simd/dispatch.h"

#ifndef STARLING_KERNELS_LANE_NEURONS_ONCE
#define STARLING_KERNELS_LANE_NEURONS_ONCE
namespace starling::kernels {

template <class T>
struct NeuronCall {
  NeuronShape shape;
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
namespace hn = hwy::HWY_NAMESPACE;

template <bool shared, class T>
struct LaneNeurons {
  using D = hn::ScalableTag<T>;
  using Index = std::ptrdiff_t;
  D d;
  const NeuronCall<T>& call;
  Index lanes, n, width, count, unit;
  T *active, *slope, *flow, *gradient;

  explicit LaneNeurons(const NeuronCall<T>& c)
      : call(c),
        lanes(static_cast<Index>(hn::Lanes(d))),
        n(c.shape.tokens),
        width(c.shape.width),
        count(c.shape.neurons),
        unit(shared ? 1 : lanes),
        active(c.room),
        slope(active + n * count * lanes),
        flow(slope + n * count * lanes),
        gradient(flow + n * count * lanes) {}

  // Row m of w (part 0) or u (part 1), by neuron or by entry.
  LaneOperand<T> neurons(Index part) const {
    return {call.weights + part * width * unit, 2 * width * unit, unit};
  }
  LaneOperand<T> entries(Index part) const {
    return {call.weights + part * width * unit, unit, 2 * width * unit};
  }
  LaneOperand<T> rows(const T* at, Index across) const { return {at, across * lanes, lanes}; }
  LaneOperand<T> columns(const T* at, Index across) const { return {at, lanes, across * lanes}; }
  LaneTarget<T> table(T* at, Index across) const { return {at, across * lanes, lanes}; }

  template <class Map>
  HWY_INLINE void every(Map map) {
    for (Index i = 0; i < n * count; ++i) map(i * lanes);
  }

  HWY_INLINE void activate() {
    lane_product<shared, false>(d, n, count, width, rows(call.x, width), neurons(0), table(active, count));
    every([&](Index at) {
      const auto h = hn::Tanh(d, hn::Load(d, active + at));
      hn::Store(h, d, active + at);
      hn::Store(hn::NegMulAdd(h, h, hn::Set(d, T(1))), d, slope + at);
    });
  }
  HWY_INLINE void scale_into(const T* from, T* to) {
    every([&](Index at) { hn::Store(hn::Mul(hn::Load(d, from + at), hn::Set(d, call.scale)), d, to + at); });
  }
  HWY_INLINE void multiply_slope(T* at_flow) {
    every([&](Index at) {
      hn::Store(hn::Mul(hn::Load(d, at_flow + at), hn::Load(d, slope + at)), d, at_flow + at);
    });
  }
  HWY_INLINE void add_out(const T* hidden, Index part) {
    lane_product<shared, true>(d, n, width, count, rows(hidden, count), entries(part),
                               table(call.out, width));
  }

  void forward() {
    activate();
    scale_into(active, flow);
    add_out(flow, 1);
  }
  void tangent() {
    activate();
    lane_product<shared, false>(d, n, count, width, rows(call.direction, width), neurons(0),
                                table(flow, count));
    multiply_slope(flow);
    scale_into(flow, flow);
    add_out(flow, 1);
  }
  template <bool add>
  HWY_INLINE void put_gradient(T* to) {
    const LaneTarget<T> w{to, 2 * width * lanes, lanes}, u{to + width * lanes, 2 * width * lanes, lanes};
    lane_product<false, add>(d, count, width, n, columns(flow, count), columns(call.x, width), w);
    lane_product<false, add>(d, count, width, n, columns(active, count), columns(call.direction, width), u);
  }
  void adjoint() {
    activate();
    lane_product<shared, false>(d, n, count, width, rows(call.direction, width), neurons(1),
                                table(flow, count));
    multiply_slope(flow);
    if (call.gradient != nullptr) {
      if constexpr (shared) {
        put_gradient<false>(gradient);
        add_lane_sums(d, call.shape.weights(), gradient, call.gradient);
      } else {
        put_gradient<true>(call.gradient);
      }
    }
    scale_into(flow, flow);
    add_out(flow, 0);
  }
};

template <class T, class Run>
HWY_INLINE void run_kind(const NeuronCall<T>& call, Run run) {
  if (call.kind == LaneWeights::shared) {
    LaneNeurons<true, T> neurons(call);
    run(neurons);
  } else {
    LaneNeurons<false, T> neurons(call);
    run(neurons);
  }
}

template <class T>
void forward(const NeuronCall<T>& call) {
  run_kind(call, [](auto& neurons) { neurons.forward(); });
}
template <class T>
void tangent(const NeuronCall<T>& call) {
  run_kind(call, [](auto& neurons) { neurons.tangent(); });
}
template <class T>
void adjoint(const NeuronCall<T>& call) {
  run_kind(call, [](auto& neurons) { neurons.adjoint(); });
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
void add_neurons(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x, T* out,
                 T* room) {
  STARLING_DISPATCH(T, forward)({shape, kind, scale, weights, x, nullptr, out, nullptr, room});
}

template <class T>
void add_neurons_tangent(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                         const T* dx, T* out, T* room) {
  STARLING_DISPATCH(T, tangent)({shape, kind, scale, weights, x, dx, out, nullptr, room});
}

template <class T>
void add_neurons_adjoint(const NeuronShape& shape, LaneWeights kind, T scale, const T* weights, const T* x,
                         const T* p, T* out, T* gradient, T* room) {
  STARLING_DISPATCH(T, adjoint)({shape, kind, scale, weights, x, p, out, gradient, room});
}

#define STARLING_NEURONS(T)                                                                               \
  template void add_neurons(const NeuronShape&, LaneWeights, T, const T*, const T*, T*, T*);              \
  template void add_neurons_tangent(const NeuronShape&, LaneWeights, T, const T*, const T*, const T*, T*, \
                                    T*);                                                                  \
  template void add_neurons_adjoint(const NeuronShape&, LaneWeights, T, const T*, const T*, const T*, T*, \
                                    T*, T*);
STARLING_NEURONS(float)
STARLING_NEURONS(double)
#undef STARLING_NEURONS

}  // namespace starling::kernels
#endif
