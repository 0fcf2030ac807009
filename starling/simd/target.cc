// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/simd/target.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include "starling/simd/target.h"

HWY_BEFORE_NAMESPACE();
namespace starling::simd::HWY_NAMESPACE {
int bytes() {
  return static_cast<int>(hwy::HWY_NAMESPACE::Lanes(hwy::HWY_NAMESPACE::ScalableTag<unsigned char>()));
}
const char* name() {
  return hwy::TargetName(HWY_TARGET);
}
}  // namespace starling::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::simd {
HWY_EXPORT(bytes);
HWY_EXPORT(name);
std::string target_name() {
  return HWY_DYNAMIC_DISPATCH(name)();
}
int vector_bytes() {
  return HWY_DYNAMIC_DISPATCH(bytes)();
}
}  // namespace starling::simd
#endif
