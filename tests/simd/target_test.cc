#include "starling/simd/target.h"

#include <gtest/gtest.h>

namespace starling::simd {
namespace {

TEST(Target, UsesTheWidestVectorsOfTheMachine) {
  const int expected = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
                           ? 64
                       : __builtin_cpu_supports("avx2") ? 32
                                                        : 16;
  EXPECT_EQ(vector_bytes(), expected) << target_name();
  EXPECT_FALSE(target_name().empty());
}

}  // namespace
}  // namespace starling::simd
