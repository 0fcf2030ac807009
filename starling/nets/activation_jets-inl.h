// Smooth activations and their derivatives to order 5 in vectors. Included once per target, inside
// foreach_target; never from a plain header.
#if defined(STARLING_NETS_ACTIVATION_JETS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_NETS_ACTIVATION_JETS_INL_H_
#undef STARLING_NETS_ACTIVATION_JETS_INL_H_
#else
#define STARLING_NETS_ACTIVATION_JETS_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <numbers>

#include "starling/nets/jet_network.h"
#include "starling/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::nets::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using simd::HWY_NAMESPACE::exp_of_nonpositive;

/// What is computed once of an activation and serves all its derivatives: tanh (tanh, -), sin (sin, cos),
/// softplus (softplus, σ), silu (-, σ), gelu (Φ, φ), erf (erf, f₁), with σ the logistic function.
template <class V>
struct Kept {
  V first, second;
};

/// tanh keeps one number of the two.
template <JetActivation kind>
inline constexpr bool keeps_second = kind != JetActivation::tanh;

/// Numbers in a row of a tile.
template <class T>
inline constexpr std::ptrdiff_t row_length = 256 / static_cast<std::ptrdiff_t>(sizeof(T));

/// a / b for 1 <= b <= 2, within two units in the last place. With AVX-512 by Newton's steps from the
/// approximate reciprocal of 14 bits: in doubles a division costs as much as the whole exponential.
template <class D>
HWY_INLINE hn::Vec<D> quotient([[maybe_unused]] D d, hn::Vec<D> a, hn::Vec<D> b) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    const auto one = hn::Set(d, 1.0);
    auto r = hn::Vec<D>{_mm512_rcp14_pd(b.raw)};
    for (int step = 0; step < 2; ++step) r = hn::MulAdd(hn::NegMulAdd(b, r, one), r, r);
    const auto q = hn::Mul(a, r);
    return hn::MulAdd(hn::NegMulAdd(b, q, a), r, q);
  }
#endif
  return hn::Div(a, b);
}

template <class D>
HWY_INLINE hn::Vec<D> error_function(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(x, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = std::erf(lanes[i]);
  return hn::Load(d, lanes);
}

template <JetActivation kind, class D>
HWY_INLINE Kept<hn::Vec<D>> evaluate(D d, hn::Vec<D> z) {
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T(1));
  if constexpr (kind == JetActivation::sin) {
    return {hn::Sin(d, z), hn::Cos(d, z)};
  } else if constexpr (kind == JetActivation::erf) {
    const auto density = exp_of_nonpositive(d, hn::Neg(hn::Mul(z, z)));
    return {error_function(d, z), hn::Mul(hn::Set(d, T(2) * std::numbers::inv_sqrtpi_v<T>), density)};
  } else if constexpr (kind == JetActivation::gelu) {
    const auto half = hn::Set(d, T(0.5));
    const auto density = exp_of_nonpositive(d, hn::Neg(hn::Mul(half, hn::Mul(z, z))));
    const auto cdf =
        hn::MulAdd(half, error_function(d, hn::Mul(z, hn::Set(d, std::numbers::sqrt2_v<T> / 2))), half);
    return {cdf, hn::Mul(hn::Set(d, std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>), density)};
  } else if constexpr (kind == JetActivation::tanh) {
    const auto e = exp_of_nonpositive(d, hn::Mul(hn::Set(d, T(-2)), hn::Abs(z)));
    return {hn::CopySignToAbs(quotient(d, hn::Sub(one, e), hn::Add(one, e)), z), z};
  } else {
    const auto e = exp_of_nonpositive(d, hn::Neg(hn::Abs(z)));
    const auto tail = quotient(d, one, hn::Add(one, e));
    const auto logistic = hn::IfThenElse(hn::Lt(z, hn::Zero(d)), hn::Mul(e, tail), tail);
    if constexpr (kind == JetActivation::silu) return {z, logistic};
    return {hn::Add(hn::Max(z, hn::Zero(d)), hn::Log1p(d, e)), logistic};
  }
}

/// The derivatives of the logistic function q, orders 1 to `order` <= 5, in out[1..].
template <class D>
HWY_INLINE void logistic_derivatives(D d, hn::Vec<D> q, int order, hn::Vec<D>* out) {
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T(1));
  const auto p = hn::Mul(q, hn::Sub(one, q)), m = hn::NegMulAdd(hn::Set(d, T(2)), q, one);
  out[1] = p;
  if (order >= 2) out[2] = hn::Mul(p, m);
  if (order >= 3) out[3] = hn::Mul(p, hn::NegMulAdd(hn::Set(d, T(6)), p, one));
  if (order >= 4) out[4] = hn::Mul(out[2], hn::NegMulAdd(hn::Set(d, T(12)), p, one));
  if (order >= 5) {
    const auto inner = hn::MulAdd(hn::Set(d, T(120)), p, hn::Set(d, T(-30)));
    out[5] = hn::Mul(p, hn::MulAdd(inner, p, one));
  }
}

/// f[0] the activation, f[k] its k-th derivative at z up to `order`, 1 to 5.
template <JetActivation kind, class D>
HWY_INLINE void derivatives(D d, hn::Vec<D> z, Kept<hn::Vec<D>> kept, int order, hn::Vec<D>* f) {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  const auto set = [&](double value) { return hn::Set(d, static_cast<T>(value)); };
  const V first = kept.first, second = kept.second;
  if constexpr (kind == JetActivation::tanh) {
    const V t = first, tt = hn::Mul(t, t), s = hn::Sub(set(1), tt);
    f[0] = t;
    f[1] = s;
    if (order >= 2) f[2] = hn::Mul(hn::Mul(set(-2), t), s);
    if (order >= 3) f[3] = hn::Mul(s, hn::MulAdd(set(6), tt, set(-2)));
    if (order >= 4) f[4] = hn::Mul(hn::Mul(s, t), hn::MulAdd(set(-24), tt, set(16)));
    if (order >= 5) f[5] = hn::Mul(s, hn::MulAdd(hn::MulAdd(set(120), tt, set(-120)), tt, set(16)));
  } else if constexpr (kind == JetActivation::sin) {
    f[0] = first;
    f[1] = second;
    f[2] = hn::Neg(first);
    f[3] = hn::Neg(second);
    f[4] = first;
    f[5] = second;
  } else if constexpr (kind == JetActivation::softplus) {
    f[0] = first;
    f[1] = second;
    V q[6];
    logistic_derivatives(d, second, order - 1, q);
    for (int k = 2; k <= order; ++k) f[k] = q[k - 1];
  } else if constexpr (kind == JetActivation::silu) {
    V q[6];
    q[0] = second;
    logistic_derivatives(d, second, order, q);
    f[0] = hn::Mul(z, second);
    for (int k = 1; k <= order; ++k) f[k] = hn::MulAdd(z, q[k], hn::Mul(set(k), q[k - 1]));
  } else if constexpr (kind == JetActivation::gelu) {
    const V zz = hn::Mul(z, z);
    f[0] = hn::Mul(z, first);
    f[1] = hn::MulAdd(z, second, first);
    if (order >= 2) f[2] = hn::Mul(second, hn::Sub(set(2), zz));
    if (order >= 3) f[3] = hn::Mul(hn::Mul(second, z), hn::Sub(zz, set(4)));
    if (order >= 4) f[4] = hn::Mul(second, hn::MulAdd(hn::Sub(set(7), zz), zz, set(-4)));
    if (order >= 5) f[5] = hn::Mul(hn::Mul(second, z), hn::MulAdd(hn::Sub(zz, set(11)), zz, set(18)));
  } else {
    const V zz = hn::Mul(z, z);
    f[0] = first;
    f[1] = second;
    if (order >= 2) f[2] = hn::Mul(hn::Mul(set(-2), z), second);
    if (order >= 3) f[3] = hn::Mul(second, hn::MulAdd(set(4), zz, set(-2)));
    if (order >= 4) f[4] = hn::Mul(hn::Mul(second, z), hn::MulAdd(set(-8), zz, set(12)));
    if (order >= 5) f[5] = hn::Mul(second, hn::MulAdd(hn::MulAdd(set(16), zz, set(-48)), zz, set(12)));
  }
}

/// Calls use(kind as an integral constant).
template <class Use>
HWY_INLINE void with_activation(JetActivation kind, const Use& use) {
  switch (kind) {
    case JetActivation::tanh:
      return use(std::integral_constant<JetActivation, JetActivation::tanh>());
    case JetActivation::sin:
      return use(std::integral_constant<JetActivation, JetActivation::sin>());
    case JetActivation::softplus:
      return use(std::integral_constant<JetActivation, JetActivation::softplus>());
    case JetActivation::gelu:
      return use(std::integral_constant<JetActivation, JetActivation::gelu>());
    case JetActivation::silu:
      return use(std::integral_constant<JetActivation, JetActivation::silu>());
    case JetActivation::erf:
      return use(std::integral_constant<JetActivation, JetActivation::erf>());
  }
}

}  // namespace starling::nets::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
