// The inner loops that every pairwise kernel shares. Included once per target, inside foreach_target.
#if defined(STARLING_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_TILE_INL_H_
#undef STARLING_KERNELS_TILE_INL_H_
#else
#define STARLING_KERNELS_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "starling/kernels/cloud.h"
#include "starling/math/matrix_product.h"
#include "starling/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using simd::HWY_NAMESPACE::exp_of_nonpositive;
using simd::HWY_NAMESPACE::fast_sqrt;
using simd::HWY_NAMESPACE::least_square;

// Four rows share each load of a column; 256 columns of four rows stay in the first-level cache between the
// loops.
inline constexpr std::ptrdiff_t tile_rows = 4, tile_columns = 256;

/// A distance that no kernel sees past: weights there are exactly zero, squares do not overflow.
template <class T>
inline constexpr T far_away = T(1e18);

/// The distance at which two points coincide as far as fast_sqrt can tell.
template <class T>
inline constexpr T least_root = sizeof(T) == 4 ? T(4e-19) : T(0);

/// Pair values of some rows against `width` columns of a cloud: distances first, then weights in their place.
/// `width` counts whole vectors; what lies past the end of the cloud is far away.
template <class T>
struct Tile {
  T* value;
  std::ptrdiff_t stride, rows, column,
      width;  // row r at value + r * stride; columns column .. column + width - 1
  T* row(std::ptrdiff_t r) const { return value + r * stride; }
};

/// Room for the tile of a narrow cloud.
template <class T>
struct TileRoom {
  alignas(64) T value[tile_rows * tile_columns];
};

template <class T>
HWY_INLINE void push_padding_away(const Cloud<T>& y, const Tile<T>& tile) {
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    for (std::ptrdiff_t j = std::max<std::ptrdiff_t>(0, y.n - tile.column); j < tile.width; ++j)
      tile.row(r)[j] = far_away<T>;
  }
}

/// Four rows of a narrow cloud. A row past the last repeats the last: its values are computed and not used.
template <class T>
struct RowPointers {
  const T* z[tile_rows];
  RowPointers(const T* rows, std::ptrdiff_t row, std::ptrdiff_t n, std::ptrdiff_t d) {
    for (std::ptrdiff_t r = 0; r < tile_rows; ++r) z[r] = rows + std::min(row + r, n - 1) * d;
  }
};

template <class T>
HWY_INLINE void raise_to(T least, const Tile<T>& tile) {
  const hn::ScalableTag<T> d;
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    // The bound comes first: x86 then hands a NaN through.
    for (std::ptrdiff_t j = 0; j < tile.width; j += static_cast<std::ptrdiff_t>(hn::Lanes(d)))
      hn::StoreU(hn::Max(hn::Set(d, least), hn::LoadU(d, tile.row(r) + j)), d, tile.row(r) + j);
  }
}

/// Fills a narrow tile of four rows with |z_i - y_j|^2, or |z_i - y_j| when Root, which is then at least
/// `least`.
template <bool Root, class T>
HWY_INLINE void fill_narrow(const RowPointers<T>& rows, const Cloud<T>& y, T least, const Tile<T>& tile) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto* z = rows.z;
  const auto finish = [&](auto q) {
    if constexpr (!Root) return q;
    return fast_sqrt(d, q);
  };
  for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
    auto q0 = hn::Set(d, Root ? least_square<T> : T(0)), q1 = q0, q2 = q0, q3 = q0;
    for (std::ptrdiff_t k = 0; k < y.d; ++k) {
      const auto v = hn::LoadU(d, y.coordinate(k) + tile.column + j);
      const auto a0 = hn::Sub(v, hn::Set(d, z[0][k])), a1 = hn::Sub(v, hn::Set(d, z[1][k]));
      const auto a2 = hn::Sub(v, hn::Set(d, z[2][k])), a3 = hn::Sub(v, hn::Set(d, z[3][k]));
      q0 = hn::MulAdd(a0, a0, q0);
      q1 = hn::MulAdd(a1, a1, q1);
      q2 = hn::MulAdd(a2, a2, q2);
      q3 = hn::MulAdd(a3, a3, q3);
    }
    hn::Store(finish(q0), d, tile.row(0) + j);
    hn::Store(finish(q1), d, tile.row(1) + j);
    hn::Store(finish(q2), d, tile.row(2) + j);
    hn::Store(finish(q3), d, tile.row(3) + j);
  }
  if (Root && least > T(0)) raise_to(least, tile);
  push_padding_away(y, tile);
}

/// |a - b|^2 of two rows of d numbers.
template <class T>
HWY_INLINE T squared_distance(const T* a, const T* b, std::ptrdiff_t count) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  std::ptrdiff_t k = 0;
  for (; k + lanes <= count; k += lanes) {
    const auto difference = hn::Sub(hn::LoadU(d, a + k), hn::LoadU(d, b + k));
    sum = hn::MulAdd(difference, difference, sum);
  }
  T total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; k < count; ++k) total += (a[k] - b[k]) * (a[k] - b[k]);
  return total;
}

/// The same for a wide tile, which reaches to the last column (tile.column + tile.width = y.stride): |z|^2 +
/// |y|^2 - 2 z·y from one matrix product. Where the difference has lost two digits the pair is computed
/// afresh. `z` (tile.rows, d), centred as y is, and its squared norms.
template <bool Root, class T>
HWY_INLINE void fill_wide(const T* z, const T* z_squares, const Cloud<T>& y, T least, const Tile<T>& tile) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const T *points = y.rows.data() + tile.column * y.d, *squares = y.squares.data() + tile.column;
  const std::ptrdiff_t count = y.n - tile.column;
  math::product_nt(tile.rows, y.d, tile.width, z, points, tile.value, tile.stride);
  const auto lost = hn::Set(d, T(0.01));
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    T* value = tile.row(r);
    const auto own = hn::Set(d, z_squares[r]);
    for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
      const auto sum = hn::Add(own, hn::LoadU(d, squares + j));
      const auto q = hn::NegMulAdd(hn::Set(d, T(2)), hn::LoadU(d, value + j), sum);
      hn::StoreU(q, d, value + j);
      if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Lt(q, hn::Mul(lost, sum))))) {
        for (std::ptrdiff_t l = j; l < std::min(j + lanes, count); ++l) {
          if (value[l] < T(0.01) * (z_squares[r] + squares[l]))
            value[l] = squared_distance(z + r * y.d, points + l * y.d, y.d);
        }
      }
      if constexpr (Root) {
        hn::StoreU(fast_sqrt(d, hn::Max(hn::Set(d, least_square<T>), hn::LoadU(d, value + j))), d, value + j);
      }
    }
  }
  if (Root && least > T(0)) raise_to(least, tile);
  push_padding_away(y, tile);
}

/// The rows of a wide tile: as many as fit 16 MiB beside `columns`, between 16 and 512, by fours.
inline std::ptrdiff_t wide_rows(std::ptrdiff_t columns) {
  return std::clamp<std::ptrdiff_t>((std::ptrdiff_t{1} << 22) / std::max<std::ptrdiff_t>(1, columns), 16,
                                    256) /
         tile_rows * tile_rows;
}

/// sums[r][k] += Σ_j tile[r][j] y_j[k]: the second half of a kernel-weighted mean. Relative: of (y_j -
/// z_r)[k] instead, which costs a subtraction and loses nothing where a weight is large because the pair is
/// close.
template <bool Relative, class T>
HWY_INLINE void accumulate_moments(const Tile<T>& tile, const RowPointers<T>& rows, const Cloud<T>& y,
                                   T* const* sums) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto* z = rows.z;
  for (std::ptrdiff_t k = 0; k < y.d; ++k) {
    const T* coordinate = y.coordinate(k) + tile.column;
    const auto z0 = hn::Set(d, z[0][k]), z1 = hn::Set(d, z[1][k]), z2 = hn::Set(d, z[2][k]),
               z3 = hn::Set(d, z[3][k]);
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
      const auto v = hn::LoadU(d, coordinate + j);
      s0 = hn::MulAdd(hn::Load(d, tile.row(0) + j), Relative ? hn::Sub(v, z0) : v, s0);
      s1 = hn::MulAdd(hn::Load(d, tile.row(1) + j), Relative ? hn::Sub(v, z1) : v, s1);
      s2 = hn::MulAdd(hn::Load(d, tile.row(2) + j), Relative ? hn::Sub(v, z2) : v, s2);
      s3 = hn::MulAdd(hn::Load(d, tile.row(3) + j), Relative ? hn::Sub(v, z3) : v, s3);
    }
    sums[0][k] += hn::GetLane(hn::SumOfLanes(d, s0));
    sums[1][k] += hn::GetLane(hn::SumOfLanes(d, s1));
    sums[2][k] += hn::GetLane(hn::SumOfLanes(d, s2));
    sums[3][k] += hn::GetLane(hn::SumOfLanes(d, s3));
  }
}

/// The padded width of the columns from `column`: whole vectors, at most one tile.
template <class T>
HWY_INLINE std::ptrdiff_t tile_width(const Cloud<T>& y, std::ptrdiff_t column) {
  return std::min(tile_columns, y.stride - column);
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
