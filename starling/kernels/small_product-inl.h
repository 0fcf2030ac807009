// Products of matrices that fit the nearest caches, rows padded to whole vectors. Included once per target,
// inside foreach_target; never from a plain header.
#if defined(STARLING_KERNELS_SMALL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_SMALL_PRODUCT_INL_H_
#undef STARLING_KERNELS_SMALL_PRODUCT_INL_H_
#else
#define STARLING_KERNELS_SMALL_PRODUCT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "starling/kernels/register_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows worked on at once: with two vectors of columns each they fill half of the registers.
inline constexpr int rows_at_once = HWY_TARGET <= HWY_AVX3 ? 8 : 4;

template <class T>
struct SmallFactors {
  const T* a;  // (rows, inner), rows every a_stride
  std::ptrdiff_t a_stride, inner;
  const T* b;  // (inner, columns), rows every b_stride; out and c alike
  std::ptrdiff_t b_stride;
  T alpha, beta;
  const T* c;
  T* out;
};

// out = alpha A B + beta C in R rows from `row` and V vectors of columns from `column`. Without Add, C is not
// read.
template <int R, int V, bool Add, class T>
HWY_INLINE void small_block(const SmallFactors<T>& f, std::ptrdiff_t row, std::ptrdiff_t column) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto store = [&](int r, int v, auto sum) {
    const std::ptrdiff_t at = (row + r) * f.b_stride + column + v * lanes;
    auto value = hn::Mul(hn::Set(d, f.alpha), sum);
    if constexpr (Add) value = hn::MulAdd(hn::Set(d, f.beta), hn::LoadU(d, f.c + at), value);
    hn::StoreU(value, d, f.out + at);
  };
  register_block<R, V, Left::rows>(f.a + row * f.a_stride, f.a_stride, f.b + column, f.b_stride, f.inner,
                                   store);
}

template <int V, bool Add, class T>
HWY_INLINE void small_columns(const SmallFactors<T>& f, std::ptrdiff_t rows, std::ptrdiff_t column) {
  constexpr int R = V == 1 ? 2 * rows_at_once : rows_at_once;
  std::ptrdiff_t row = 0;
  for (; row + R <= rows; row += R) small_block<R, V, Add>(f, row, column);
  for (; row + 4 <= rows; row += 4) small_block<4, V, Add>(f, row, column);
  for (; row < rows; ++row) small_block<1, V, Add>(f, row, column);
}

template <bool Add, class T>
HWY_INLINE void small_product(const SmallFactors<T>& f, std::ptrdiff_t rows) {
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(hn::ScalableTag<T>()));
  std::ptrdiff_t column = 0;
  for (; column + 2 * lanes <= f.b_stride; column += 2 * lanes) small_columns<2, Add>(f, rows, column);
  for (; column < f.b_stride; column += lanes) small_columns<1, Add>(f, rows, column);
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
