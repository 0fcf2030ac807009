#pragma once
#include <cstddef>

namespace starling::kernels {

/// The largest absolute entry; NaN where one is not finite. 0 for none.
float largest_entry(const float* in, std::ptrdiff_t count);
double largest_entry(const double* in, std::ptrdiff_t count);

/// Euclidean norm, free of overflow and underflow: entries are scaled by the largest, which is given.
double norm(const float* in, std::ptrdiff_t count, float largest);
double norm(const double* in, std::ptrdiff_t count, double largest);

}  // namespace starling::kernels
