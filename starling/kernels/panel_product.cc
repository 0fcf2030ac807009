// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/panel_product.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "starling/kernels/panel_product-inl.h"
#include "starling/kernels/panel_product.h"
#include "starling/kernels/scratch.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

template <class T>
void product(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  T* panels = thread_scratch<T>(static_cast<std::size_t>(panels_size<T>(inner, columns)));
  pack_panels(inner, columns, b, columns, panels);
  all_panels<Left::rows>(PanelRows<T>{a, inner, inner, panels, columns, addend, out, columns}, n, 0, inner);
}

template <class T>
void product_nt(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  T* panel = thread_scratch<T>(static_cast<std::size_t>(panel_apart<T>(inner)));
  over_panels<T>(columns, [&](Index column, Index count, Index) {
    pack_transposed_panel(inner, count, b + column * inner, inner, panel);
    const T* addend_there = addend == nullptr ? nullptr : addend + column;
    one_panel<Left::rows>(PanelRows<T>{a, inner, inner, panel, count, addend_there, out + column, columns},
                          n);
  });
}

// Of the inner index a part that leaves a's in the second-level cache, and so of its columns: as many lie
// together as a block has rows.
template <class T>
void product_tn(Index n, Index inner, Index columns, const T* a, const T* b, const T* addend, T* out) {
  constexpr Index inner_each = 256, rows_each = 528;
  const Index most = std::min(inner, inner_each),
              groups = (std::min(n, rows_each) + block_rows - 1) / block_rows;
  T* panel =
      thread_scratch<T>(static_cast<std::size_t>(panel_apart<T>(most) + groups * apart(most, block_rows)));
  T* left = panel + panel_apart<T>(most);
  for (Index row = 0; row < n; row += rows_each) {
    const Index rows = std::min(rows_each, n - row);
    const T* before = addend;
    for (Index k = 0; k < std::max(inner, Index{1}); k += inner_each, before = out) {
      const Index part = std::min(inner_each, inner - k);
      pack_groups(part, rows, a + k * n + row, n, Index{block_rows}, left,
                  [](const T* from, T* to) { std::memcpy(to, from, block_rows * sizeof(T)); });
      over_panels<T>(columns, [&](Index column, Index count, Index) {
        pack_panels(part, count, b + k * columns + column, columns, panel);
        for (Index r = 0; r < rows; r += block_rows) {
          const Index at = (row + r) * columns + column;
          const PanelRows<T> block{
              left + r / block_rows * apart(part, block_rows), block_rows, part,   panel, count,
              before == nullptr ? nullptr : before + at,       out + at,   columns};
          one_panel<Left::columns>(block, std::min(Index{block_rows}, rows - r));
        }
      });
    }
  }
}

STARLING_INSTANTIATE(product);
STARLING_INSTANTIATE(product_nt);
STARLING_INSTANTIATE(product_tn);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(product);
STARLING_EXPORT(product_nt);
STARLING_EXPORT(product_tn);

#define STARLING_PANELS(NAME, T)                                                                   \
  template <>                                                                                      \
  void panel_##NAME(base::Index n, base::Index inner, base::Index columns, const T* a, const T* b, \
                    const T* addend, T* out) {                                                     \
    STARLING_DISPATCH(T, NAME)(n, inner, columns, a, b, addend, out);                              \
  }
STARLING_PANELS(product, float)
STARLING_PANELS(product, double)
STARLING_PANELS(product_nt, float)
STARLING_PANELS(product_nt, double)
STARLING_PANELS(product_tn, float)
STARLING_PANELS(product_tn, double)
#undef STARLING_PANELS

}  // namespace starling::kernels
#endif
