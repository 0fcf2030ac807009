// One tile of samples through the layers of a network, forward and reverse; its layout is that of
// jet_products-inl.h. Included once per target, inside foreach_target; never from a plain header.
#if defined(STARLING_NETS_JET_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_NETS_JET_TILE_INL_H_
#undef STARLING_NETS_JET_TILE_INL_H_
#else
#define STARLING_NETS_JET_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "starling/nets/activation_jets-inl.h"
#include "starling/nets/jet_layer.h"
#include "starling/nets/jet_line-inl.h"
#include "starling/nets/jet_products-inl.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::nets::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Σ over the terms of one target, for `vectors` vectors of a row; `seeds` may be null.
template <int vectors, bool seeded, class T>
HWY_INLINE void sum_terms(const StreamTerm* begin, const StreamTerm* end, const T* slopes, const T* z,
                          const T* seeds, std::ptrdiff_t stride, T* out) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  hn::Vec<Wide<T>> sum[vectors];
  for (auto& each : sum) each = hn::Zero(d);
  for (const StreamTerm* term = begin; term != end; ++term) {
    hn::Vec<Wide<T>> product[vectors];
    const T* slope = slopes + term->slope * row_length<T>;
    const auto coefficient = hn::Set(d, static_cast<T>(term->coefficient));
    for (int v = 0; v < vectors; ++v) product[v] = hn::Mul(coefficient, hn::Load(d, slope + v * lanes));
    for (int i = seeded ? 0 : 1; i < term->factors; ++i) {
      const T* factor = z + term->factor[static_cast<std::size_t>(i)] * stride;
      for (int v = 0; v < vectors; ++v) product[v] = hn::Mul(product[v], hn::Load(d, factor + v * lanes));
    }
    const T* last = seeded ? seeds + term->seed * stride : z + term->factor[0] * stride;
    for (int v = 0; v < vectors; ++v) sum[v] = hn::MulAdd(product[v], hn::Load(d, last + v * lanes), sum[v]);
  }
  for (int v = 0; v < vectors; ++v) hn::Store(sum[v], d, out + v * lanes);
}

template <bool seeded, class T>
HWY_INLINE void sum_terms_of_row(std::ptrdiff_t width, const StreamTerm* begin, const StreamTerm* end,
                                 const T* slopes, const T* z, const T* seeds, std::ptrdiff_t stride, T* out) {
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(Wide<T>()));
  std::ptrdiff_t v = 0;
  const auto go = [&]<int vectors>(std::integral_constant<int, vectors>) {
    for (; v + vectors <= width; v += vectors) {
      const std::ptrdiff_t at = v * lanes;
      sum_terms<vectors, seeded>(begin, end, slopes + at, z + at, seeded ? seeds + at : nullptr, stride,
                                 out + at);
    }
  };
  go(std::integral_constant<int, 4>());
  go(std::integral_constant<int, 1>());
}

/// The derivatives of one neuron's activation, orders 0 to `order`, in rows. `fresh` evaluates the activation
/// and keeps it, else it is what was kept.
template <JetActivation kind, bool fresh, class T>
HWY_INLINE void neuron_slopes(std::ptrdiff_t width, const T* z, T* kept, int order, T* slopes) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t v = 0; v < width * lanes; v += lanes) {
    const auto value = hn::Load(d, z + v);
    Kept<hn::Vec<Wide<T>>> both;
    if constexpr (fresh) {
      both = evaluate<kind>(d, value);
      hn::Store(both.first, d, kept + v);
      if constexpr (keeps_second<kind>) hn::Store(both.second, d, kept + row_length<T> + v);
    } else {
      both.first = hn::Load(d, kept + v);
      both.second = keeps_second<kind> ? hn::Load(d, kept + row_length<T> + v) : both.first;
    }
    hn::Vec<Wide<T>> f[6];
    derivatives<kind>(d, value, both, order, f);
    for (int k = fresh ? 0 : 1; k <= order; ++k) hn::Store(f[k], d, slopes + k * row_length<T> + v);
  }
}

/// The streams of a layer's activations from those of its pre-activations; leaves in `kept` what the reverse
/// pass needs of the activation.
template <JetActivation kind, class T>
HWY_NOINLINE void activate(const JetHidden<T>& layer, const T* z, T* kept, T* out) {
  const Wide<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  HWY_ALIGN T slopes[6 * row_length<T>];
  for (std::ptrdiff_t n = 0; n < layer.neurons; ++n) {
    const T* value = z + n * row_length<T>;
    T* own = kept + 2 * n * row_length<T>;
    neuron_slopes<kind, true>(layer.width, value, own, std::max(1, layer.order), slopes);
    T* to = out + n * row_length<T>;
    for (std::ptrdiff_t v = 0; v < layer.width * lanes; v += lanes)
      hn::Store(hn::Load(d, slopes + v), d, to + v);
    const StreamTerm* term = layer.forward;
    for (std::ptrdiff_t s = 1; s < layer.streams; ++s) {
      const StreamTerm* end = term;
      while (end != layer.forward_end && end->target == s) ++end;
      sum_terms_of_row<false>(layer.width, term, end, slopes, value, static_cast<const T*>(nullptr),
                              layer.stride, to + s * layer.stride);
      term = end;
    }
  }
}

/// The bars of a layer's pre-activations from those of its activations.
template <JetActivation kind, class T>
HWY_NOINLINE void activate_reverse(const JetHidden<T>& layer, const T* z, T* kept, const T* bar, T* out) {
  HWY_ALIGN T slopes[6 * row_length<T>];
  for (std::ptrdiff_t n = 0; n < layer.neurons; ++n) {
    const T* value = z + n * row_length<T>;
    neuron_slopes<kind, false>(layer.width, value, kept + 2 * n * row_length<T>, layer.order + 1, slopes);
    const StreamTerm* term = layer.reverse;
    for (std::ptrdiff_t s = 0; s < layer.streams; ++s) {
      const StreamTerm* end = term;
      while (end != layer.reverse_end && end->target == s) ++end;
      sum_terms_of_row<true>(layer.width, term, end, slopes, value, bar + n * row_length<T>, layer.stride,
                             out + n * row_length<T> + s * layer.stride);
      term = end;
    }
  }
}

template <class T>
void run_layer(const JetLayer<T>& layer, T* out) {
  apply_layer(layer, out);
}
// use(order as an integral constant) for the order of a line, 0 for other streams.
template <class Use>
HWY_INLINE void with_line(int order, const Use& use) {
  if (order == 2) return use(std::integral_constant<int, 2>());
  if (order == 3) return use(std::integral_constant<int, 3>());
  if (order == 4) return use(std::integral_constant<int, 4>());
  return use(std::integral_constant<int, 0>());
}

template <class T>
void run_activation(const JetHidden<T>& layer, const T* z, T* kept, T* out) {
  with_activation(layer.activation, [&]<JetActivation kind>(std::integral_constant<JetActivation, kind>) {
    with_line(layer.line.order, [&]<int order>(std::integral_constant<int, order>) {
      if constexpr (order == 0) {
        activate<kind>(layer, z, kept, out);
      } else {
        activate_line<kind, order>(layer, z, kept, out);
      }
    });
  });
}
template <class T>
void run_activation_reverse(const JetHidden<T>& layer, const T* z, T* kept, const T* bar, T* out) {
  with_activation(layer.activation, [&]<JetActivation kind>(std::integral_constant<JetActivation, kind>) {
    with_line(layer.line.order, [&]<int order>(std::integral_constant<int, order>) {
      if constexpr (order == 0) {
        activate_reverse<kind>(layer, z, kept, bar, out);
      } else {
        reverse_line<kind, order>(layer, z, kept, bar, out);
      }
    });
  });
}

STARLING_INSTANTIATE(run_layer);
STARLING_INSTANTIATE(apply_transposed);
STARLING_INSTANTIATE(add_layer_gradient);
STARLING_INSTANTIATE(store_layer_jacobian);
STARLING_INSTANTIATE(run_activation);
STARLING_INSTANTIATE(run_activation_reverse);

}  // namespace starling::nets::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
