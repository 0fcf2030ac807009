#pragma once
#include <gtest/gtest.h>
// Highway 1.0.3 leaves its AVX3_DL out of the targets even where -march=native makes it the baseline.
#define HWY_WANT_AVX3_DL
#include <hwy/targets.h>

#include <cstdint>

#include "starling/simd/target.h"

namespace starling::simd::testing {

/// Runs body() under every instruction set that this machine and this build have, and leaves the best one
/// chosen.
template <class Body>
void on_each_target(const Body& body) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (const std::int64_t target : {HWY_SCALAR, HWY_AVX2, HWY_AVX3}) {
    if (target != HWY_SCALAR && (supported & target) == 0) continue;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    if (target_name() == hwy::TargetName(target)) body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace starling::simd::testing
