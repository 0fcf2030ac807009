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

/// e^x for x <= 0, double: Highway's own, within two units in the last place; 0 below the smallest normal
/// number.
template <class D>
HWY_INLINE hn::Vec<D> exp_of_nonpositive(D d, hn::Vec<D> x) {
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -708.0)), hn::Exp(d, hn::Max(x, hn::Set(d, -708.0))));
  } else {
    // 2^t with t = x log2(e) = n + f, |f| <= 1/2: a minimax polynomial of degree 6 for 2^f (relative error
    // 1e-7), and n added to the exponent bits. x is split in two products, so that a large |x| costs no
    // accuracy.
    const hn::RebindToSigned<D> di;
    const auto log2e = hn::Set(d, 1.44269504F), log2e_rest = hn::Set(d, 1.92596303e-8F);
    const auto clamped = hn::Max(x, hn::Set(d, -87.3F));
    const auto whole = hn::Round(hn::Mul(clamped, log2e));
    const auto f = hn::MulAdd(clamped, log2e_rest, hn::MulSub(clamped, log2e, whole));
    auto p = hn::Set(d, 1.5403530e-4F);
    p = hn::MulAdd(p, f, hn::Set(d, 1.3333558146e-3F));
    p = hn::MulAdd(p, f, hn::Set(d, 9.6181291076e-3F));
    p = hn::MulAdd(p, f, hn::Set(d, 5.5504108664e-2F));
    p = hn::MulAdd(p, f, hn::Set(d, 2.4022650696e-1F));
    p = hn::MulAdd(p, f, hn::Set(d, 6.9314718056e-1F));
    p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
    const auto scale = hn::ShiftLeft<23>(hn::ConvertTo(di, whole));
    const auto result = hn::BitCast(d, hn::Add(hn::BitCast(di, p), scale));
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3F)), result);
  }
}

}  // namespace starling::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
