#include "starling/kernels/dense_product.h"

#include <algorithm>

#include "starling/kernels/panel_product.h"
#include "starling/math/matrix_product.h"

namespace starling::kernels {
namespace {

using base::Index;
using math::Into;

// OpenBLAS adds in place only.
template <class T>
Into begin_with(const T* addend, Index size, T* out) {
  if (addend == nullptr) return Into::overwrite;
  if (addend != out) std::copy_n(addend, size, out);
  return Into::add;
}

}  // namespace

template <class T>
void dense_product(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  if (panels_pay(inner, columns, sizeof(T))) return panel_product(n, inner, columns, a, b, addend, out);
  math::product(n, inner, columns, a, b, out, begin_with(addend, n * columns, out));
}

template <class T>
void dense_product_nt(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  if (panels_pay(inner, columns, sizeof(T))) return panel_product_nt(n, inner, columns, a, b, addend, out);
  math::product_nt(n, inner, columns, a, b, out, begin_with(addend, n * columns, out));
}

// Here a panel is of the result.
template <class T>
void dense_product_tn(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  if (panels_pay(n, columns, sizeof(T))) return panel_product_tn(n, inner, columns, a, b, addend, out);
  math::product_tn(n, inner, columns, a, b, out, begin_with(addend, n * columns, out));
}

#define STARLING_PRODUCTS(T)                                                             \
  template void dense_product(Index, Index, Index, const T*, const T*, const T*, T*);    \
  template void dense_product_nt(Index, Index, Index, const T*, const T*, const T*, T*); \
  template void dense_product_tn(Index, Index, Index, const T*, const T*, const T*, T*);
STARLING_PRODUCTS(float)
STARLING_PRODUCTS(double)
#undef STARLING_PRODUCTS

}  // namespace starling::kernels
