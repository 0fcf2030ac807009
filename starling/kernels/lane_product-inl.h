// Products of many small matrices at once, one in every lane. Included once per target, inside
// foreach_target; never from a plain header.
#if defined(STARLING_KERNELS_LANE_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_LANE_PRODUCT_INL_H_
#undef STARLING_KERNELS_LANE_PRODUCT_INL_H_
#else
#define STARLING_KERNELS_LANE_PRODUCT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "starling/kernels/lane_blocks.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Entry (i, j) of a factor begins at i row + j column, counted in numbers.
template <class T>
struct LaneFactor {
  const T* at;
  std::ptrdiff_t row, column;
};

/// Block (i, j) of a symmetric matrix: itself, or its mirror image's transpose.
template <class T>
HWY_INLINE LaneFactor<T> symmetric_block(const T* square, std::ptrdiff_t i, std::ptrdiff_t j,
                                         std::ptrdiff_t lanes) {
  if (i >= j) return {square + lane_block(i, j) * lanes, lane_tile * lanes, lanes};
  return {square + lane_block(j, i) * lanes, lanes, lane_tile * lanes};
}

/// A tile of sums, as wide as the registers allow.
template <class D>
struct LaneTile {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  static constexpr int columns = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
  V sum[lane_tile][columns];

  HWY_INLINE explicit LaneTile(D d) {
    for (std::ptrdiff_t i = 0; i < lane_tile; ++i) {
      for (int j = 0; j < columns; ++j) sum[i][j] = hn::Zero(d);
    }
  }

  /// sum += A B, for `inner` columns of A and rows of B.
  HWY_INLINE void add(D d, LaneFactor<T> a, LaneFactor<T> b, std::ptrdiff_t inner) {
    for (std::ptrdiff_t k = 0; k < inner; ++k, a.at += a.column, b.at += b.row) {
      V right[columns];
      for (int j = 0; j < columns; ++j) right[j] = hn::Load(d, b.at + j * b.column);
      for (std::ptrdiff_t i = 0; i < lane_tile; ++i) {
        const V left = hn::Load(d, a.at + i * a.row);
        for (int j = 0; j < columns; ++j) sum[i][j] = hn::MulAdd(left, right[j], sum[i][j]);
      }
    }
  }
};

/// Products of symmetric matrices of order `rows` and of matrices (rows, columns), extents padded to tiles.
template <class D>
struct LaneProducts {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  using Tile = LaneTile<D>;
  D d;
  std::ptrdiff_t rows, columns, stride, lanes;  // `stride`: of a row of X, in vectors

  std::ptrdiff_t blocks() const { return rows / lane_tile; }

  /// out = X Xᵀ
  HWY_INLINE void gram(const T* x, T* out) const {
    const std::ptrdiff_t row = stride * lanes;
    each_tile([&](std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t column, std::ptrdiff_t at) {
      Tile tile(d);
      tile.add(d, {x + lane_tile * i * row, row, lanes}, {x + (lane_tile * j + column) * row, lanes, row},
               columns);
      put(tile, out, at, [](V sum, std::ptrdiff_t) { return sum; });
    });
  }

  /// out = finish(A B, place), A and B powers of one symmetric matrix; `out` is neither of them.
  template <class Finish>
  HWY_INLINE void symmetric(const T* a, const T* b, T* out, Finish finish) const {
    each_tile([&](std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t column, std::ptrdiff_t at) {
      Tile tile(d);
      for (std::ptrdiff_t k = 0; k < blocks(); ++k) {
        LaneFactor<T> right = symmetric_block(b, k, j, lanes);
        right.at += column * right.column;
        tile.add(d, symmetric_block(a, i, k, lanes), right, lane_tile);
      }
      put(tile, out, at, finish);
    });
  }
  HWY_INLINE void symmetric(const T* a, const T* b, T* out) const {
    symmetric(a, b, out, [](V sum, std::ptrdiff_t) { return sum; });
  }

  /// out = factor Q X
  HWY_INLINE void apply(V factor, const T* q, const T* x, T* out) const {
    const std::ptrdiff_t row = stride * lanes;
    for (std::ptrdiff_t i = 0; i < blocks(); ++i) {
      for (std::ptrdiff_t column = 0; column < columns; column += Tile::columns) {
        Tile tile(d);
        for (std::ptrdiff_t k = 0; k < blocks(); ++k)
          tile.add(d, symmetric_block(q, i, k, lanes), {x + lane_tile * k * row + column * lanes, row, lanes},
                   lane_tile);
        for (std::ptrdiff_t r = 0; r < lane_tile; ++r) {
          for (int c = 0; c < Tile::columns; ++c)
            hn::Store(hn::Mul(factor, tile.sum[r][c]), d,
                      out + (lane_tile * i + r) * row + (column + c) * lanes);
        }
      }
    }
  }

  /// out = f(entry, place) over all that is kept of a symmetric matrix.
  template <class F>
  HWY_INLINE void each_entry(const T* square, T* out, F f) const {
    const std::ptrdiff_t end = lane_square(rows) * lanes;
    for (std::ptrdiff_t at = 0; at < end; at += lanes)
      hn::Store(f(hn::Load(d, square + at), at), d, out + at);
  }

  HWY_INLINE void add_to_diagonal(V value, T* square) const {
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      const std::ptrdiff_t within = i % lane_tile;
      T* at = square + (lane_block(i / lane_tile, i / lane_tile) + within * (lane_tile + 1)) * lanes;
      hn::Store(hn::Add(value, hn::Load(d, at)), d, at);
    }
  }

 private:
  // f(block row, block column, first column within the block, where the tile begins)
  template <class F>
  HWY_INLINE void each_tile(F f) const {
    for (std::ptrdiff_t i = 0; i < blocks(); ++i) {
      for (std::ptrdiff_t j = 0; j <= i; ++j) {
        for (std::ptrdiff_t column = 0; column < lane_tile; column += Tile::columns)
          f(i, j, column, (lane_block(i, j) + column) * lanes);
      }
    }
  }

  template <class Finish>
  HWY_INLINE void put(const Tile& tile, T* out, std::ptrdiff_t at, Finish finish) const {
    for (std::ptrdiff_t r = 0; r < lane_tile; ++r) {
      for (int c = 0; c < Tile::columns; ++c) {
        const std::ptrdiff_t place = at + (lane_tile * r + c) * lanes;
        hn::Store(finish(tile.sum[r][c], place), d, out + place);
      }
    }
  }
};

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
