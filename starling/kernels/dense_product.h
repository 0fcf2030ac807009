#pragma once
#include "starling/base/matrix.h"

namespace starling::kernels {

// Products of the layers of a network, row-major and dense, T float or double: panel_product.h where it pays,
// else math/matrix_product.h. One thread, whatever calls it. docs/decisions/0001-matrix-products.md says
// where the border is.

/// out (n, columns) = a (n, inner) · b (inner, columns), plus `addend` (n, columns) where it is not null; it
/// may be `out`.
template <class T>
void dense_product(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                   const T* addend, T* out);

/// The same with b (columns, inner) transposed.
template <class T>
void dense_product_nt(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                      const T* addend, T* out);

/// The same with a (inner, n) transposed.
template <class T>
void dense_product_tn(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                      const T* addend, T* out);

}  // namespace starling::kernels
