#pragma once
#include <string>

namespace starling::simd {

/// The vector target that run-time dispatch picks on this machine ("AVX3_ZEN4", "AVX2", ...), as Highway
/// names it.
std::string target_name();

/// Bytes in one vector of that target: 64 with AVX-512, 32 with AVX2.
int vector_bytes();

}  // namespace starling::simd
