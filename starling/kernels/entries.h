#pragma once
#include <cstddef>

namespace starling::kernels {

/// The largest absolute entry; NaN where one is not finite. 0 for none.
template <class T>
T largest_entry(const T* in, std::ptrdiff_t count);

/// Euclidean norm, free of overflow and underflow: entries are scaled by the largest, which is given.
template <class T>
double norm(const T* in, std::ptrdiff_t count, T largest);

}  // namespace starling::kernels
