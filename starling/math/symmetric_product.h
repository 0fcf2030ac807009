#pragma once
#include <cstddef>

namespace starling::math {

// Products that are known to be symmetric, row-major: the part on and above the diagonal is computed, the
// rest its exact mirror. `out` (n, n) is symmetric at the start unless beta is 0, and is no factor. One
// thread.

/// out = alpha a (n, k) · aᵀ + beta out
template <class T>
void gram_product(std::ptrdiff_t n, std::ptrdiff_t k, T alpha, const T* a, T beta, T* out);

/// Sets the part of the rows [begin, end) left of the diagonal to the mirror of the part above it. Rows lie
/// `stride` apart.
template <class T>
void mirror_upper(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t stride, T* matrix);

/// out = alpha a (n, n) · b (n, n) + beta out, for symmetric factors that commute: powers of one matrix.
template <class T>
void symmetric_product(std::ptrdiff_t n, T alpha, const T* a, const T* b, T beta, T* out);

}  // namespace starling::math
