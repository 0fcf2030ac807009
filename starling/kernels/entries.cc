// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/entries.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/kernels/entries-inl.h"
#include "starling/kernels/entries.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

float largest_float(const float* in, std::ptrdiff_t count) {
  return largest_entry(in, count);
}
double largest_double(const double* in, std::ptrdiff_t count) {
  return largest_entry(in, count);
}
float squares_float(const float* in, std::ptrdiff_t count, float scale) {
  return squares(in, count, scale);
}
double squares_double(const double* in, std::ptrdiff_t count, double scale) {
  return squares(in, count, scale);
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

HWY_EXPORT(largest_float);
HWY_EXPORT(largest_double);
HWY_EXPORT(squares_float);
HWY_EXPORT(squares_double);

float largest_entry(const float* in, std::ptrdiff_t count) {
  return HWY_DYNAMIC_DISPATCH(largest_float)(in, count);
}
double largest_entry(const double* in, std::ptrdiff_t count) {
  return HWY_DYNAMIC_DISPATCH(largest_double)(in, count);
}

double norm(const float* in, std::ptrdiff_t count, float largest) {
  if (largest == 0) return 0;
  const float sum = HWY_DYNAMIC_DISPATCH(squares_float)(in, count, 1 / largest);
  return static_cast<double>(largest) * std::sqrt(static_cast<double>(sum));
}
double norm(const double* in, std::ptrdiff_t count, double largest) {
  if (largest == 0) return 0;
  return largest * std::sqrt(HWY_DYNAMIC_DISPATCH(squares_double)(in, count, 1 / largest));
}

}  // namespace starling::kernels
#endif
