#pragma once
#include <cstddef>

namespace starling::math {

/// Whether a product overwrites its target or adds to it.
enum class Into { overwrite, add };

// The one seam for matrix products: row-major, dense, float or double, each extent at most 2^31 - 1; one
// thread, whatever calls it. See docs/decisions/0001-matrix-products.md.

/// out (n, m) = a (n, k) · b (k, m)
template <class T>
void product(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
             Into into = Into::overwrite);

/// out (n, m) = a (n, k) · b (m, k)ᵀ
template <class T>
void product_nt(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                Into into = Into::overwrite);

/// The same into a part of a matrix whose rows lie `out_stride` >= m apart.
template <class T>
void product_nt(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                std::ptrdiff_t out_stride);

/// out (n, m) = a (k, n)ᵀ · b (k, m)
template <class T>
void product_tn(std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t m, const T* a, const T* b, T* out,
                Into into = Into::overwrite);

}  // namespace starling::math
