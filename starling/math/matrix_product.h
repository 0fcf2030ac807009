#pragma once
#include "starling/base/matrix.h"

namespace starling::math {

/// Whether a product overwrites its target or adds to it.
enum class Into { overwrite, add };

// The one seam for matrix products: row-major, dense, one thread; see docs/decisions/0001-matrix-products.md.

/// out (n, m) = a (n, k) · b (k, m)
template <class T>
void product(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out,
             Into into = Into::overwrite);

/// out (n, m) = a (n, k) · b (m, k)ᵀ
template <class T>
void product_nt(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out,
                Into into = Into::overwrite);

/// out (n, m) = a (k, n)ᵀ · b (k, m)
template <class T>
void product_tn(base::Index n, base::Index k, base::Index m, const T* a, const T* b, T* out,
                Into into = Into::overwrite);

}  // namespace starling::math
