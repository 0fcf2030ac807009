// Products of small matrices, one pair in every lane. Included once per target, inside foreach_target; never
// from a plain header.
#if defined(STARLING_KERNELS_LANE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_LANE_ROWS_INL_H_
#undef STARLING_KERNELS_LANE_ROWS_INL_H_
#else
#define STARLING_KERNELS_LANE_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A factor of a product: entry (outer, inner), inner being what the product sums over, begins at `at + outer
/// * outer_stride + inner * inner_stride`. Strides count numbers: one number for an entry that all lanes
/// share, a vector of them for an entry that each lane has for itself.
template <class T>
struct LaneOperand {
  const T* at;
  std::ptrdiff_t outer_stride, inner_stride;
};

/// Where the product goes: entry (row, column) is a vector.
template <class T>
struct LaneTarget {
  T* at;
  std::ptrdiff_t row_stride, column_stride;
};

template <bool shared, class D>
HWY_INLINE hn::Vec<D> fetch(D d, const hn::TFromD<D>* at) {
  if constexpr (shared) {
    return hn::Set(d, *at);
  } else {
    return hn::Load(d, at);
  }
}

template <int rows, int columns, bool shared, bool add, class D, class T = hn::TFromD<D>>
HWY_INLINE void product_tile(D d, std::ptrdiff_t depth, LaneOperand<T> a, LaneOperand<T> b,
                             LaneTarget<T> out) {
  hn::Vec<D> sum[rows][columns];
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j)
      sum[i][j] = add ? hn::Load(d, out.at + i * out.row_stride + j * out.column_stride) : hn::Zero(d);
  }
  for (std::ptrdiff_t k = 0; k < depth; ++k) {
    hn::Vec<D> left[rows];
    for (int i = 0; i < rows; ++i) left[i] = hn::Load(d, a.at + i * a.outer_stride + k * a.inner_stride);
    for (int j = 0; j < columns; ++j) {
      const auto right = fetch<shared>(d, b.at + j * b.outer_stride + k * b.inner_stride);
      for (int i = 0; i < rows; ++i) sum[i][j] = hn::MulAdd(left[i], right, sum[i][j]);
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j)
      hn::Store(sum[i][j], d, out.at + i * out.row_stride + j * out.column_stride);
  }
}

/// The same factor from entry `outer` on.
template <class T>
HWY_INLINE LaneOperand<T> from(LaneOperand<T> f, std::ptrdiff_t outer) {
  return {f.at + outer * f.outer_stride, f.outer_stride, f.inner_stride};
}
template <class T>
HWY_INLINE LaneTarget<T> from(LaneTarget<T> t, std::ptrdiff_t row, std::ptrdiff_t column) {
  return {t.at + row * t.row_stride + column * t.column_stride, t.row_stride, t.column_stride};
}

template <int rows, bool shared, bool add, class D, class T = hn::TFromD<D>>
HWY_INLINE void product_rows(D d, std::ptrdiff_t columns, std::ptrdiff_t depth, LaneOperand<T> a,
                             LaneOperand<T> b, LaneTarget<T> out) {
  std::ptrdiff_t j = 0;
  for (; j + 4 <= columns; j += 4)
    product_tile<rows, 4, shared, add>(d, depth, a, from(b, j), from(out, 0, j));
  for (; j + 2 <= columns; j += 2)
    product_tile<rows, 2, shared, add>(d, depth, a, from(b, j), from(out, 0, j));
  if (j < columns) product_tile<rows, 1, shared, add>(d, depth, a, from(b, j), from(out, 0, j));
}

/// out(i, j) = Σ_k a(i, k) b(j, k), or += it, in every lane; `shared` says that b has one number an entry. a
/// and out have a vector an entry. `out` must not overlap the factors.
/// Not inlined: the call costs less than a dozen copies of the tiles in every caller.
template <bool shared, bool add, class D, class T = hn::TFromD<D>>
HWY_NOINLINE void lane_product(D d, std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t depth,
                               LaneOperand<T> a, LaneOperand<T> b, LaneTarget<T> out) {
  // Four rows by four columns keep both multipliers of AVX-512 busy; half as many registers hold two by four.
  constexpr int tall = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
  std::ptrdiff_t i = 0;
  for (; i + tall <= rows; i += tall)
    product_rows<tall, shared, add>(d, columns, depth, from(a, i), b, from(out, i, 0));
  for (; i < rows; ++i) product_rows<1, shared, add>(d, columns, depth, from(a, i), b, from(out, i, 0));
}

/// out[k] += the sum over lanes of vector k of `vectors`, k < count, in a fixed order.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void add_lane_sums(D d, std::ptrdiff_t count, const T* vectors, T* out) {
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  std::ptrdiff_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; k + lanes <= count; k += lanes) {
    // Neighbours in a vector are added while vectors are paired: after log2(lanes) rounds lane i of the one
    // vector left is the sum of vector i.
    hn::Vec<D> v[HWY_MAX_BYTES / sizeof(T)];
    for (std::ptrdiff_t i = 0; i < lanes; ++i) v[i] = hn::Load(d, vectors + (k + i) * lanes);
    for (std::ptrdiff_t left = lanes / 2; left >= 1; left /= 2) {
      for (std::ptrdiff_t i = 0; i < left; ++i)
        v[i] = hn::Add(hn::ConcatEven(d, v[2 * i + 1], v[2 * i]), hn::ConcatOdd(d, v[2 * i + 1], v[2 * i]));
    }
    hn::StoreU(hn::Add(hn::LoadU(d, out + k), v[0]), d, out + k);
  }
#endif
  for (; k < count; ++k) {
    T sum = 0;
    for (std::ptrdiff_t i = 0; i < lanes; ++i) sum += vectors[k * lanes + i];
    out[k] += sum;
  }
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
