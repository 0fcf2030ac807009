#pragma once
#include <type_traits>

/// Highway exports functions and not templates. These three take a function template NAME<T> of a target's
/// namespace from the target to its caller: STARLING_INSTANTIATE(NAME) in the target's namespace,
/// STARLING_EXPORT(NAME) once below HWY_ONCE, and STARLING_DISPATCH(T, NAME)(arguments) calls the best of
/// this machine, for a T of float or double. After <hwy/highway.h>.
#define STARLING_INSTANTIATE(NAME)                   \
  static constexpr auto& NAME##_float = NAME<float>; \
  static constexpr auto& NAME##_double = NAME<double>

#define STARLING_EXPORT(NAME) \
  HWY_EXPORT(NAME##_float);   \
  HWY_EXPORT(NAME##_double)

#define STARLING_DISPATCH(T, NAME) \
  starling::simd::of_type<T>(HWY_DYNAMIC_DISPATCH(NAME##_float), HWY_DYNAMIC_DISPATCH(NAME##_double))

namespace starling::simd {

/// The one of two functions that works on T.
template <class T, class Single, class Double>
constexpr auto of_type(Single* single, Double* twice) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  if constexpr (std::is_same_v<T, float>) {
    return single;
  } else {
    return twice;
  }
}

}  // namespace starling::simd
