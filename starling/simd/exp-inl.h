// Elementary functions of Highway vectors. Included once per target, inside foreach_target; never from a
// plain header.
#if defined(STARLING_SIMD_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_SIMD_EXP_INL_H_
#undef STARLING_SIMD_EXP_INL_H_
#else
#define STARLING_SIMD_EXP_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace starling::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// e^x for x <= 0 (and for x > 0 by no more than rounding); 0 below the smallest normal number; NaN stays
/// NaN. Double: Highway's own, within two units in the last place. Float: relative error 2e-7 near 0, and
/// 1.4e-8 |x| further out, less than x carries itself; 3e-7 near 0 where the processor has no fused
/// multiply-add.
template <class D>
HWY_INLINE hn::Vec<D> exp_of_nonpositive(D d, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    const auto e =
        hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -708.0)), hn::Exp(d, hn::Max(x, hn::Set(d, -708.0))));
    return hn::IfThenElse(hn::IsNaN(x), x, e);  // Highway's is 0 there
  } else {
    // e^x = 2^n 2^f, n + f = x log2(e), |f| <= 1/2. Adding 1.5 * 2^23 rounds to the integer n and leaves it
    // in the low bits; 2^f is the minimax polynomial of degree 5 with value 1 at 0 (relative error 9.2e-8).
    const hn::RebindToSigned<D> di;
    const auto log2e = hn::Set(d, 1.44269504F), magic = hn::Set(d, 12582912.0F);
    const auto shifted = hn::MulAdd(x, log2e, magic);
    const auto f = hn::MulSub(x, log2e, hn::Sub(shifted, magic));
    auto p = hn::Set(d, 1.326472877e-3F);
    p = hn::MulAdd(p, f, hn::Set(d, 9.671513183e-3F));
    p = hn::MulAdd(p, f, hn::Set(d, 5.550733744e-2F));
    p = hn::MulAdd(p, f, hn::Set(d, 2.402224208e-1F));
    p = hn::MulAdd(p, f, hn::Set(d, 6.931469776e-1F));
    p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
    const auto result =
        hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3F)), result);
  }
}

/// What fast_sqrt asks of its argument.
template <class T>
inline constexpr T least_square = sizeof(T) == 4 ? T(1.2e-37) : T(0);

/// sqrt(x) for x >= least_square. Float: by one Newton step from the approximate reciprocal root, twice as
/// fast as the instruction and within two units in the last place; NaN for infinity.
template <class D>
HWY_INLINE hn::Vec<D> fast_sqrt(D d, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return hn::Sqrt(x);
  } else {
    const auto y = hn::ApproximateReciprocalSqrt(x);
    const auto root = hn::Mul(x, y);
    return hn::MulAdd(hn::NegMulAdd(root, root, x), hn::Mul(y, hn::Set(d, 0.5F)), root);
  }
}

}  // namespace starling::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
