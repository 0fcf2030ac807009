// Products with a right factor laid out in panels. Included once per target, inside foreach_target; never
// from a plain header.
#if defined(STARLING_KERNELS_PANEL_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_PANEL_PRODUCT_INL_H_
#undef STARLING_KERNELS_PANEL_PRODUCT_INL_H_
#else
#define STARLING_KERNELS_PANEL_PRODUCT_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "starling/base/matrix.h"
#include "starling/kernels/register_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using base::Index;

// A panel is two vectors wide, zeros beyond the last column; its rows follow each other. Panels begin
// panel_apart() numbers apart, which no power of two divides: written to in turn they share no set of a
// cache.
template <class T>
HWY_INLINE Index panel_width() {
  return 2 * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}
constexpr Index apart(Index inner, Index width) {
  return inner * width + 16;
}
template <class T>
HWY_INLINE Index panel_apart(Index inner) {
  return apart(inner, panel_width<T>());
}
template <class T>
HWY_INLINE Index panels_size(Index inner, Index columns) {
  return (columns + panel_width<T>() - 1) / panel_width<T>() * panel_apart<T>(inner);
}

// go(column, count, panel): the panels of `columns` columns, their number, and how many columns each holds.
template <class T, class Go>
HWY_INLINE void over_panels(Index columns, const Go& go) {
  const Index width = panel_width<T>();
  for (Index column = 0, panel = 0; column < columns; column += width, ++panel)
    go(column, std::min(width, columns - column), panel);
}

// Groups of `width` columns of b (inner, columns; rows `stride` apart), apart(inner, width) numbers apart. b
// is read from front to back: it is in no near cache.
template <class T, class Copy>
HWY_INLINE void pack_groups(Index inner, Index columns, const T* b, Index stride, Index width, T* out,
                            const Copy& copy) {
  const Index each = apart(inner, width), whole = columns / width, rest = columns % width;
  for (Index k = 0; k < inner; ++k, b += stride, out += width) {
    for (Index g = 0; g < whole; ++g) copy(b + g * width, out + g * each);
    if (rest == 0) continue;
    std::copy_n(b + whole * width, rest, out + whole * each);
    std::fill_n(out + whole * each + rest, width - rest, T(0));
  }
}

// The panels of b (inner, columns), rows `stride` apart.
template <class T>
HWY_INLINE void pack_panels(Index inner, Index columns, const T* b, Index stride, T* out) {
  const hn::ScalableTag<T> d;
  const Index lanes = panel_width<T>() / 2;
  pack_groups(inner, columns, b, stride, 2 * lanes, out, [&](const T* from, T* to) {
    hn::StoreU(hn::LoadU(d, from), d, to);
    hn::StoreU(hn::LoadU(d, from + lanes), d, to + lanes);
  });
}

#if HWY_TARGET != HWY_SCALAR
// A square of 16 bytes a side: to[k][j] = from[j][k].
template <class T>
HWY_INLINE void transpose_square(const T* from, Index from_stride, T* to, Index to_stride) {
  if constexpr (sizeof(T) == 4) {
    const hn::FixedTag<T, 4> d;
    const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + from_stride),
               r2 = hn::LoadU(d, from + 2 * from_stride), r3 = hn::LoadU(d, from + 3 * from_stride);
    const auto low02 = hn::InterleaveLower(d, r0, r2), low13 = hn::InterleaveLower(d, r1, r3),
               high02 = hn::InterleaveUpper(d, r0, r2), high13 = hn::InterleaveUpper(d, r1, r3);
    hn::StoreU(hn::InterleaveLower(d, low02, low13), d, to);
    hn::StoreU(hn::InterleaveUpper(d, low02, low13), d, to + to_stride);
    hn::StoreU(hn::InterleaveLower(d, high02, high13), d, to + 2 * to_stride);
    hn::StoreU(hn::InterleaveUpper(d, high02, high13), d, to + 3 * to_stride);
  } else {
    const hn::FixedTag<T, 2> d;
    const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + from_stride);
    hn::StoreU(hn::InterleaveLower(d, r0, r1), d, to);
    hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, to + to_stride);
  }
}
#endif

// The panel of the transpose of b (count, inner), rows `stride` apart.
template <class T>
HWY_INLINE void pack_transposed_panel(Index inner, Index count, const T* b, Index stride, T* to) {
  const Index width = panel_width<T>();
  Index whole = 0, whole_inner = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr Index side = 16 / sizeof(T);
  whole = count / side * side;
  whole_inner = inner / side * side;
  for (Index j = 0; j < whole; j += side) {
    for (Index k = 0; k < whole_inner; k += side)
      transpose_square(b + j * stride + k, stride, to + k * width + j, width);
  }
#endif
  for (Index k = 0; k < inner; ++k) {
    for (Index j = k < whole_inner ? whole : 0; j < count; ++j) to[k * width + j] = b[j * stride + k];
    std::fill(to + k * width + count, to + (k + 1) * width, T(0));
  }
}
template <class T>
HWY_INLINE void pack_transposed(Index inner, Index columns, const T* b, Index stride, T* out) {
  over_panels<T>(columns, [&](Index column, Index count, Index panel) {
    pack_transposed_panel(inner, count, b + column * stride, stride, out + panel * panel_apart<T>(inner));
  });
}

// As many rows at once as the registers hold.
inline constexpr int block_rows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

template <class T>
struct PanelRows {
  const T* left;  // as Left says
  Index stride, inner;
  const T* panel;
  Index columns;    // of the panel, at most its width
  const T* addend;  // null: nothing is added; may be `out`
  T* out;           // addend and out alike: rows out_stride apart
  Index out_stride;
};

// Not inlined: with some strides known, compilers keep the sums on the stack.
template <int R, int V, Left L, class T>
HWY_NOINLINE void panel_block(const PanelRows<T>& f, Index row) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto product = [&](const auto& store) {
    register_block<R, V, L>(f.left + (L == Left::rows ? row * f.stride : row), f.stride, f.panel,
                            panel_width<T>(), f.inner, store);
  };
  T* out = f.out + row * f.out_stride;
  for (int r = 0; r < R; ++r) {  // while the sums are taken: they are in no near cache
    for (int v = 0; v < V; ++v) hwy::Prefetch(out + r * f.out_stride + v * lanes);
  }
  if (f.columns == V * lanes && f.addend == nullptr) {
    product([&](int r, int v, auto sum) { hn::StoreU(sum, d, out + r * f.out_stride + v * lanes); });
  } else {
    const T* addend = f.addend == nullptr ? nullptr : f.addend + row * f.out_stride;
    product([&](int r, int v, auto sum) {
      const Index at = r * f.out_stride + v * lanes;
      const auto in = hn::FirstN(d, static_cast<std::size_t>(std::min(lanes, f.columns - v * lanes)));
      if (addend != nullptr) sum = hn::Add(sum, hn::MaskedLoad(in, d, addend + at));
      hn::BlendedStore(sum, in, d, out + at);
    });
  }
}

template <int V, Left L, class T>
HWY_INLINE void panel_rows(const PanelRows<T>& f, Index rows) {
  Index row = 0;
  for (; row + block_rows <= rows; row += block_rows) panel_block<block_rows, V, L>(f, row);
  for (; row + 4 <= rows; row += 4) panel_block<4, V, L>(f, row);
  for (; row < rows; ++row) panel_block<1, V, L>(f, row);
}
template <Left L, class T>
HWY_INLINE void one_panel(const PanelRows<T>& f, Index rows) {
  if (f.columns > panel_width<T>() / 2) {
    panel_rows<2, L>(f, rows);
  } else {
    panel_rows<1, L>(f, rows);
  }
}

// f describes the first panel and all the columns; of each panel's `panel_inner` rows f.inner are used from
// `first` on.
template <Left L, class T>
HWY_INLINE void all_panels(const PanelRows<T>& f, Index rows, Index first, Index panel_inner) {
  over_panels<T>(f.columns, [&](Index column, Index count, Index panel) {
    PanelRows<T> one = f;
    one.panel += panel * panel_apart<T>(panel_inner) + first * panel_width<T>();
    one.columns = count;
    if (one.addend != nullptr) one.addend += column;
    one.out += column;
    one_panel<L>(one, rows);
  });
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
