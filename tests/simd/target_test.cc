#include "starling/simd/target.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::simd {
namespace {

TEST(Target, UsesTheWidestVectorsOfTheMachineAndTheBuild) {
  const int of_the_machine = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
                                 ? 64
                             : __builtin_cpu_supports("avx2") ? 32
                                                              : 16;
  EXPECT_EQ(vector_bytes(), std::min(of_the_machine, STARLING_WIDEST_VECTOR)) << target_name();
  EXPECT_FALSE(target_name().empty());
}

}  // namespace
}  // namespace starling::simd
