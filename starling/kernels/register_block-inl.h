// The innermost loops of small matrix products: a block of the result stays in registers. Included once per
// target, inside foreach_target; never from a plain header.
#if defined(STARLING_KERNELS_REGISTER_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_REGISTER_BLOCK_INL_H_
#undef STARLING_KERNELS_REGISTER_BLOCK_INL_H_
#else
#define STARLING_KERNELS_REGISTER_BLOCK_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <utility>

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// How a left factor lies: entry (r, k) at r stride + k, or at k stride + r.
enum class Left { rows, columns };

/// store(r, v, Σ_k left(r, k) b_k,v) for R rows and V vectors of columns: b's row k begins at b + k b_stride.
template <int R, int V, Left L, class T, class Store>
HWY_INLINE void register_block(const T* left, std::ptrdiff_t stride, const T* b, std::ptrdiff_t b_stride,
                               std::ptrdiff_t inner, const Store& store) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> sum[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) sum[r][v] = hn::Zero(d);
  }
  // Of rows one pointer serves three: one each would not fit the integer registers.
  const T* at[(R + 2) / 3];
  for (int r = 0; r < R; r += 3) at[r / 3] = left + (L == Left::rows ? r * stride : r);
  const std::ptrdiff_t apart = L == Left::rows ? stride : 1, step = L == Left::rows ? 1 : stride;
  for (std::ptrdiff_t k = 0; k < inner; ++k, b += b_stride) {
    hn::Vec<decltype(d)> right[V];
    for (int v = 0; v < V; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    for (int r = 0; r < R; ++r) {
      const auto factor = hn::Set(d, at[r / 3][k * step + r % 3 * apart]);
      for (int v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(factor, right[v], sum[r][v]);
    }
  }
  // Unrolled by hand, without which compilers put the sums on the stack first.
  [&]<int... I>(std::integer_sequence<int, I...>) {
    (store(I / V, I % V, sum[I / V][I % V]), ...);
  }
  (std::make_integer_sequence<int, R * V>());
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
