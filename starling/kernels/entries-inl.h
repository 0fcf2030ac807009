// Sums over the entries of an array. Included once per target, inside foreach_target; never from a plain
// header.
#if defined(STARLING_KERNELS_ENTRIES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_ENTRIES_INL_H_
#undef STARLING_KERNELS_ENTRIES_INL_H_
#else
#define STARLING_KERNELS_ENTRIES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The largest absolute entry, or NaN where an entry is not finite.
template <class T>
HWY_INLINE T largest_entry(const T* in, std::ptrdiff_t count) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  auto most = hn::Zero(d), lost = hn::Zero(d);  // x · 0 is 0 or NaN
  std::ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto x = hn::LoadU(d, in + i);
    most = hn::Max(most, hn::Abs(x));
    lost = hn::MulAdd(x, hn::Zero(d), lost);
  }
  T largest = hn::GetLane(hn::MaxOfLanes(d, most)), nothing = hn::GetLane(hn::SumOfLanes(d, lost));
  for (; i < count; ++i) {
    largest = std::max(largest, std::abs(in[i]));
    nothing += in[i] * T(0);
  }
  return largest + nothing;
}

template <class T>
HWY_INLINE T squares(const T* in, std::ptrdiff_t count, T scale) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  auto sum = hn::Zero(d);
  std::ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto x = hn::Mul(factor, hn::LoadU(d, in + i));
    sum = hn::MulAdd(x, x, sum);
  }
  T total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < count; ++i) total += (scale * in[i]) * (scale * in[i]);
  return total;
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
