// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/token_rows.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "starling/kernels/token_rows.h"
#include "starling/simd/dispatch.h"
#include "starling/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using base::Index;

// The first `count` numbers at `at`, then zeros. Nothing beyond is touched.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_part(D d, const T* at, std::size_t count) {
  return hn::MaskedLoad(hn::FirstN(d, count), d, at);
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_part(hn::Vec<D> v, D d, T* at, std::size_t count) {
  hn::BlendedStore(v, hn::FirstN(d, count), d, at);
}

// go(d, i) for every whole vector at i, then last(d, i, left) with what a last one holds.
template <class T, class Go, class Last>
HWY_INLINE void over(Index count, const Go& go, const Last& last) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + lanes <= count; i += lanes) go(d, i);
  if (i < count) last(d, i, static_cast<std::size_t>(count - i));
}

// Σ term(d, load, store) over a row, a last part padded with the zeros that load_part gives.
template <class T, class Term>
HWY_INLINE T sum_over(Index count, const Term& term) {
  const hn::ScalableTag<T> d;
  auto sum = hn::Zero(d);
  over<T>(
      count,
      [&](auto, Index i) { sum = hn::Add(sum, term(d, [&](const T* at) { return hn::LoadU(d, at + i); })); },
      [&](auto, Index i, std::size_t left) {
        const auto part = term(d, [&](const T* at) { return load_part(d, at + i, left); });
        sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, left), part));
      });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// out[i] = term(loads at i) over a row.
template <class T, class Term>
HWY_INLINE void map_over(Index count, T* out, const Term& term) {
  over<T>(
      count,
      [&](auto d, Index i) {
        hn::StoreU(term(d, [&](const T* at) { return hn::LoadU(d, at + i); }), d, out + i);
      },
      [&](auto d, Index i, std::size_t left) {
        store_part(term(d, [&](const T* at) { return load_part(d, at + i, left); }), d, out + i, left);
      });
}

template <class T>
void layer_norm(Index n, Index width, const T* x, const T* gain, const T* bias, T* y, T* scales) {
  const T share = T(1) / static_cast<T>(width);
  for (Index r = 0; r < n; ++r, x += width, y += width) {
    const T mean = share * sum_over<T>(width, [&](auto, const auto& load) { return load(x); });
    const T squares = sum_over<T>(width, [&](auto d, const auto& load) {
      const auto apart = hn::Sub(load(x), hn::Set(d, mean));
      return hn::Mul(apart, apart);
    });
    const T inverse = T(1) / std::sqrt(squares * share + T(1e-5));
    scales[2 * r] = mean;
    scales[2 * r + 1] = inverse;
    map_over<T>(width, y, [&](auto d, const auto& load) {
      const auto unit = hn::Mul(hn::Sub(load(x), hn::Set(d, mean)), hn::Set(d, inverse));
      return bias == nullptr ? hn::Mul(unit, load(gain)) : hn::MulAdd(unit, load(gain), load(bias));
    });
  }
}

template <class T>
void layer_norm_backward(Index n, Index width, const T* x, const T* scales, const T* gain, const T* d_y,
                         T* d_x, T* d_gain, T* d_bias) {
  const T share = T(1) / static_cast<T>(width);
  for (Index r = 0; r < n; ++r, x += width, d_y += width, d_x += width) {
    const T mean = scales[2 * r], inverse = scales[2 * r + 1];
    const auto unit = [&](auto d, const auto& load) {
      return hn::Mul(hn::Sub(load(x), hn::Set(d, mean)), hn::Set(d, inverse));
    };
    const T level =
        share * sum_over<T>(width, [&](auto, const auto& load) { return hn::Mul(load(d_y), load(gain)); });
    const T along = share * sum_over<T>(width, [&](auto d, const auto& load) {
                      return hn::Mul(hn::Mul(load(d_y), load(gain)), unit(d, load));
                    });
    map_over<T>(width, d_x, [&](auto d, const auto& load) {
      const auto flat = hn::NegMulAdd(unit(d, load), hn::Set(d, along),
                                      hn::Sub(hn::Mul(load(d_y), load(gain)), hn::Set(d, level)));
      return hn::MulAdd(flat, hn::Set(d, inverse), load(d_x));
    });
    map_over<T>(width, d_gain,
                [&](auto d, const auto& load) { return hn::MulAdd(load(d_y), unit(d, load), load(d_gain)); });
    if (d_bias != nullptr)
      map_over<T>(width, d_bias, [&](auto, const auto& load) { return hn::Add(load(d_bias), load(d_y)); });
  }
}

void gelu_float(Index count, float* x, float* after) {
  const auto both = [](auto d, auto v, auto& slope) {
    // With z = |v|/√2: erfc(z) = t (a1 + ... + a5 t⁴) e^{-z²}, t = 1/(1 + p z).
    const auto bell = simd::HWY_NAMESPACE::exp_of_nonpositive(d, hn::Mul(hn::Mul(v, v), hn::Set(d, -0.5F)));
    const auto t = hn::Div(hn::Set(d, 1.0F),
                           hn::MulAdd(hn::Abs(v), hn::Set(d, 0.3275911F * 0.70710678F), hn::Set(d, 1.0F)));
    auto p = hn::Set(d, 1.061405429F);
    for (const float a : {-1.453152027F, 1.421413741F, -0.284496736F, 0.254829592F})
      p = hn::MulAdd(p, t, hn::Set(d, a));
    const auto half_tail = hn::Mul(hn::Mul(hn::Mul(p, t), bell), hn::Set(d, 0.5F));  // of |v|
    const auto phi = hn::IfThenElse(hn::Lt(v, hn::Zero(d)), half_tail, hn::Sub(hn::Set(d, 1.0F), half_tail));
    slope = hn::MulAdd(hn::Mul(v, hn::Set(d, 0.39894228F)), bell, phi);
    return hn::Mul(v, phi);
  };
  over<float>(
      count,
      [&](auto d, Index i) {
        auto slope = hn::Zero(d);
        hn::StoreU(both(d, hn::LoadU(d, x + i), slope), d, after + i);
        hn::StoreU(slope, d, x + i);
      },
      [&](auto d, Index i, std::size_t left) {
        auto slope = hn::Zero(d);
        store_part(both(d, load_part(d, x + i, left), slope), d, after + i, left);
        store_part(slope, d, x + i, left);
      });
}

template <class T>
void multiply(Index count, T* a, const T* b) {
  map_over<T>(count, a, [&](auto, const auto& load) { return hn::Mul(load(a), load(b)); });
}

template <class T>
void add(Index count, const T* from, T* to) {
  map_over<T>(count, to, [&](auto, const auto& load) { return hn::Add(load(to), load(from)); });
}

// The row becomes e^{scale (x - most)}; returns its sum. `most` is not NaN: then the sum would hide it.
template <class T>
HWY_INLINE T exponentials(Index count, T scale, T* row) {
  const hn::ScalableTag<T> d;
  auto most = hn::Set(d, -std::numeric_limits<T>::infinity());
  over<T>(
      count, [&](auto, Index i) { most = hn::Max(most, hn::LoadU(d, row + i)); },
      [&](auto, Index i, std::size_t left) {
        most = hn::Max(most, hn::IfThenElse(hn::FirstN(d, left), load_part(d, row + i, left), most));
      });
  const auto top = hn::Set(d, hn::GetLane(hn::MaxOfLanes(d, most)));
  auto sum = hn::Zero(d);
  const auto term = [&](auto x) {
    return simd::HWY_NAMESPACE::exp_of_nonpositive(d, hn::Mul(hn::Sub(x, top), hn::Set(d, scale)));
  };
  over<T>(
      count,
      [&](auto, Index i) {
        const auto e = term(hn::LoadU(d, row + i));
        hn::StoreU(e, d, row + i);
        sum = hn::Add(sum, e);
      },
      [&](auto, Index i, std::size_t left) {
        const auto e = hn::IfThenElseZero(hn::FirstN(d, left), term(load_part(d, row + i, left)));
        store_part(e, d, row + i, left);
        sum = hn::Add(sum, e);
      });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <class T>
void causal_softmax(Index n, T scale, T* scores) {
  for (Index i = 0; i < n; ++i, scores += n) {
    const T inverse = T(1) / exponentials<T>(i + 1, scale, scores);
    map_over<T>(i + 1, scores,
                [&](auto d, const auto& load) { return hn::Mul(load(scores), hn::Set(d, inverse)); });
    for (Index j = i + 1; j < n; ++j) scores[j] = 0;
  }
}

template <class T>
void causal_softmax_backward(Index n, T scale, const T* p, T* d_p) {
  for (Index i = 0; i < n; ++i, p += n, d_p += n) {
    const T level = sum_over<T>(i + 1, [&](auto, const auto& load) { return hn::Mul(load(p), load(d_p)); });
    map_over<T>(i + 1, d_p, [&](auto d, const auto& load) {
      return hn::Mul(hn::Mul(load(p), hn::Set(d, scale)), hn::Sub(load(d_p), hn::Set(d, level)));
    });
    for (Index j = i + 1; j < n; ++j) d_p[j] = 0;
  }
}

template <class T>
double cross_entropy_row(Index classes, std::int32_t target, T share, T* logits) {
  T most = logits[0];
  for (Index k = 1; k < classes; ++k) most = logits[k] > most ? logits[k] : most;
  const double above = static_cast<double>(most) - static_cast<double>(logits[target]);
  const T sum = exponentials<T>(classes, T(1), logits);
  const T factor = share / sum;
  map_over<T>(classes, logits,
              [&](auto d, const auto& load) { return hn::Mul(load(logits), hn::Set(d, factor)); });
  logits[target] -= share;
  return std::log(static_cast<double>(sum)) + above;
}

STARLING_INSTANTIATE(layer_norm);
STARLING_INSTANTIATE(layer_norm_backward);
STARLING_INSTANTIATE(multiply);
STARLING_INSTANTIATE(add);
STARLING_INSTANTIATE(causal_softmax);
STARLING_INSTANTIATE(causal_softmax_backward);
STARLING_INSTANTIATE(cross_entropy_row);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(layer_norm);
STARLING_EXPORT(layer_norm_backward);
STARLING_EXPORT(multiply);
STARLING_EXPORT(add);
STARLING_EXPORT(causal_softmax);
STARLING_EXPORT(causal_softmax_backward);
STARLING_EXPORT(cross_entropy_row);
HWY_EXPORT(gelu_float);

template <>
void gelu(base::Index count, float* x, float* after) {
  HWY_DYNAMIC_DISPATCH(gelu_float)(count, x, after);
}
template <>
void gelu(base::Index count, double* x, double* after) {
  for (base::Index i = 0; i < count; ++i) {
    const double v = x[i], phi = 0.5 * std::erfc(-v / std::numbers::sqrt2);
    after[i] = v * phi;
    x[i] = phi + v * std::exp(-v * v / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  }
}

#define STARLING_ROWS(T)                                                                                 \
  template <>                                                                                            \
  void layer_norm(base::Index n, base::Index width, const T* x, const T* gain, const T* bias, T* y,      \
                  T* scales) {                                                                           \
    STARLING_DISPATCH(T, layer_norm)(n, width, x, gain, bias, y, scales);                                \
  }                                                                                                      \
  template <>                                                                                            \
  void layer_norm_backward(base::Index n, base::Index width, const T* x, const T* scales, const T* gain, \
                           const T* d_y, T* d_x, T* d_gain, T* d_bias) {                                 \
    STARLING_DISPATCH(T, layer_norm_backward)(n, width, x, scales, gain, d_y, d_x, d_gain, d_bias);      \
  }                                                                                                      \
  template <>                                                                                            \
  void multiply(base::Index count, T* a, const T* b) {                                                   \
    STARLING_DISPATCH(T, multiply)(count, a, b);                                                         \
  }                                                                                                      \
  template <>                                                                                            \
  void add(base::Index count, const T* from, T* to) {                                                    \
    STARLING_DISPATCH(T, add)(count, from, to);                                                          \
  }                                                                                                      \
  template <>                                                                                            \
  void causal_softmax(base::Index n, T scale, T* scores) {                                               \
    STARLING_DISPATCH(T, causal_softmax)(n, scale, scores);                                              \
  }                                                                                                      \
  template <>                                                                                            \
  void causal_softmax_backward(base::Index n, T scale, const T* p, T* d_p) {                             \
    STARLING_DISPATCH(T, causal_softmax_backward)(n, scale, p, d_p);                                     \
  }                                                                                                      \
  template <>                                                                                            \
  double cross_entropy_row(base::Index classes, std::int32_t target, T share, T* logits) {               \
    return STARLING_DISPATCH(T, cross_entropy_row)(classes, target, share, logits);                      \
  }
STARLING_ROWS(float)
STARLING_ROWS(double)
#undef STARLING_ROWS

}  // namespace starling::kernels
#endif
