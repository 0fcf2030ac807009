// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/lane_norm.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>

#include "starling/kernels/lane_attention.h"
#include "starling/kernels/lane_norm.h"
#include "starling/simd/dispatch.h"

#ifndef STARLING_KERNELS_LANE_NORM_ONCE
#define STARLING_KERNELS_LANE_NORM_ONCE
namespace starling::kernels {

template <class T>
struct NormCall {
  Norm kind;
  std::ptrdiff_t tokens, width;
  const T* x;
  const T* v;
  T* out;
};

}  // namespace starling::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Squares are averaged over the width, or summed for the unit sphere.
template <class T>
constexpr T square_share(Norm kind, std::ptrdiff_t width) {
  return kind == Norm::unit ? T(1) : T(1) / static_cast<T>(width);
}

// Mean (0 but for layer) and 1/√(share of the squares of what is left + a little) of a token.
template <class D>
struct TokenScale {
  hn::Vec<D> mean, inverse;
};

template <class D, class T = hn::TFromD<D>>
HWY_INLINE TokenScale<D> scale_of(D d, Norm kind, std::ptrdiff_t width, const T* x) {
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto share = hn::Set(d, square_share<T>(kind, width));
  auto mean = hn::Zero(d), square = hn::Zero(d);
  if (kind == Norm::layer) {
    for (std::ptrdiff_t a = 0; a < width; ++a) mean = hn::Add(mean, hn::Load(d, x + a * lanes));
    mean = hn::Mul(mean, share);
  }
  for (std::ptrdiff_t a = 0; a < width; ++a) {
    const auto apart = hn::Sub(hn::Load(d, x + a * lanes), mean);
    square = hn::MulAdd(apart, apart, square);
  }
  const auto spread = hn::MulAdd(square, share, hn::Set(d, kind == Norm::unit ? T(1e-30) : T(1e-5)));
  return {mean, hn::Div(hn::Set(d, T(1)), hn::Sqrt(spread))};
}

template <class T>
void normalise(const NormCall<T>& call) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t i = 0; i < call.tokens; ++i) {
    const T* x = call.x + i * call.width * lanes;
    T* out = call.out + i * call.width * lanes;
    const auto scale = scale_of(d, call.kind, call.width, x);
    for (std::ptrdiff_t a = 0; a < call.width; ++a)
      hn::Store(hn::Mul(hn::Sub(hn::Load(d, x + a * lanes), scale.mean), scale.inverse), d, out + a * lanes);
  }
}

// (v - mean v - y mean(y v)) / σ with y = N(x); rms has no mean of v, unit the sum of y v.
template <class T>
void differentiate(const NormCall<T>& call) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto share = hn::Set(d, square_share<T>(call.kind, call.width));
  for (std::ptrdiff_t i = 0; i < call.tokens; ++i) {
    const std::ptrdiff_t at = i * call.width * lanes;
    const auto scale = scale_of(d, call.kind, call.width, call.x + at);
    const auto unit = [&](std::ptrdiff_t a) {
      return hn::Mul(hn::Sub(hn::Load(d, call.x + at + a * lanes), scale.mean), scale.inverse);
    };
    auto mean = hn::Zero(d), along = hn::Zero(d);
    for (std::ptrdiff_t a = 0; a < call.width; ++a) {
      const auto v = hn::Load(d, call.v + at + a * lanes);
      if (call.kind == Norm::layer) mean = hn::Add(mean, v);
      along = hn::MulAdd(unit(a), v, along);
    }
    mean = hn::Mul(mean, share);
    along = hn::Mul(along, share);
    for (std::ptrdiff_t a = 0; a < call.width; ++a) {
      T* out = call.out + at + a * lanes;
      const auto left = hn::NegMulAdd(unit(a), along, hn::Sub(hn::Load(d, call.v + at + a * lanes), mean));
      hn::Store(hn::MulAdd(left, scale.inverse, hn::Load(d, out)), d, out);
    }
  }
}

STARLING_INSTANTIATE(normalise);
STARLING_INSTANTIATE(differentiate);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(normalise);
STARLING_EXPORT(differentiate);

template <class T>
void normalise_tokens(Norm kind, std::ptrdiff_t tokens, std::ptrdiff_t width, const T* x, T* out) {
  const std::ptrdiff_t count = tokens * width * attention_lanes<T>();
  if (kind == Norm::none) {
    if (out != x) std::copy_n(x, count, out);
    return;
  }
  STARLING_DISPATCH(T, normalise)({kind, tokens, width, x, nullptr, out});
}

template <class T>
void add_norm_derivative(Norm kind, std::ptrdiff_t tokens, std::ptrdiff_t width, const T* x, const T* v,
                         T* out) {
  const std::ptrdiff_t count = tokens * width * attention_lanes<T>();
  if (kind == Norm::none) {
    for (std::ptrdiff_t i = 0; i < count; ++i) out[i] += v[i];
    return;
  }
  STARLING_DISPATCH(T, differentiate)({kind, tokens, width, x, v, out});
}

#define STARLING_NORM(T)                                                              \
  template void normalise_tokens(Norm, std::ptrdiff_t, std::ptrdiff_t, const T*, T*); \
  template void add_norm_derivative(Norm, std::ptrdiff_t, std::ptrdiff_t, const T*, const T*, T*);
STARLING_NORM(float)
STARLING_NORM(double)
#undef STARLING_NORM

}  // namespace starling::kernels
#endif
