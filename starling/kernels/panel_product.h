#pragma once
#include <cstddef>

#include "starling/base/matrix.h"

namespace starling::kernels {

// Products of which a second-level cache holds the right factor, or the result of the last: panels of columns
// are laid out for the registers one after the other. T is float or double, memory row-major and dense.

/// Whether a matrix is so small that these are faster than math::product.
constexpr bool panels_pay(base::Index rows, base::Index columns, std::size_t bytes_each) {
  return rows <= 4096 && rows * columns * static_cast<base::Index>(bytes_each) <= (base::Index{1} << 19);
}

/// out (n, columns) = a (n, inner) · b (inner, columns), plus `addend` (n, columns) where it is not null; it
/// may be `out`.
template <class T>
void panel_product(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                   const T* addend, T* out);

/// The same with b (columns, inner) transposed.
template <class T>
void panel_product_nt(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                      const T* addend, T* out);

/// The same with a (inner, n) transposed.
template <class T>
void panel_product_tn(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b,
                      const T* addend, T* out);

}  // namespace starling::kernels
