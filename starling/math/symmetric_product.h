#pragma once
#include <cstddef>

namespace starling::math {

/// out (n, n) = alpha a (n, k) · b (n, k)ᵀ + beta out, for factors whose product is known to be symmetric: b
/// = a, or powers of one symmetric matrix. Row-major; the part above the diagonal is computed, the rest its
/// mirror, exactly. `out` is symmetric at the start unless beta is 0, and is no factor. One thread.
template <class T>
void symmetric_product_nt(std::ptrdiff_t n, std::ptrdiff_t k, T alpha, const T* a, const T* b, T beta,
                          T* out);

}  // namespace starling::math
