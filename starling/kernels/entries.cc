// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/entries.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/kernels/entries-inl.h"
#include "starling/kernels/entries.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

template <class T>
T largest(const T* in, std::ptrdiff_t count) {
  return largest_entry(in, count);
}
template <class T>
T sum_of_squares(const T* in, std::ptrdiff_t count, T scale) {
  return squares(in, count, scale);
}
STARLING_INSTANTIATE(largest);
STARLING_INSTANTIATE(sum_of_squares);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(largest);
STARLING_EXPORT(sum_of_squares);

template <class T>
T largest_entry(const T* in, std::ptrdiff_t count) {
  return STARLING_DISPATCH(T, largest)(in, count);
}

template <class T>
double norm(const T* in, std::ptrdiff_t count, T largest) {
  if (largest == 0) return 0;
  const T sum = STARLING_DISPATCH(T, sum_of_squares)(in, count, 1 / largest);
  return static_cast<double>(largest) * std::sqrt(static_cast<double>(sum));
}

template float largest_entry(const float*, std::ptrdiff_t);
template double largest_entry(const double*, std::ptrdiff_t);
template double norm(const float*, std::ptrdiff_t, float);
template double norm(const double*, std::ptrdiff_t, double);

}  // namespace starling::kernels
#endif
