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
#include "starling/simd/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using simd::HWY_NAMESPACE::exp_of_nonpositive;

// Four rows share each load of a column; 256 columns of four rows stay in the first-level cache between the
// loops.
inline constexpr std::ptrdiff_t tile_rows = 4, tile_columns = 256;

/// A distance that no kernel sees past: weights there are exactly zero, squares do not overflow.
template <class T>
inline constexpr T far_away = T(1e18);

/// One tile of pair values: distances first, then weights in their place.
template <class T>
struct Tile {
  alignas(64) T value[tile_rows][tile_columns];
};

/// Fills the tile with |z_i - y_j|^2 (or |z_i - y_j| when Root) for rows row..row+3 of z (row-major,
/// `rows_left` of them real) and `width` columns of y from `column`; what lies past the end of y is far away.
template <bool Root, class T>
HWY_INLINE void fill_distances(const T* const* z, const Cloud<T>& y, std::ptrdiff_t column,
                               std::ptrdiff_t width, T smallest, Tile<T>& tile) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t j = 0; j < width; j += lanes) {
    auto q0 = hn::Zero(d), q1 = q0, q2 = q0, q3 = q0;
    for (std::ptrdiff_t k = 0; k < y.d; ++k) {
      const auto v = hn::LoadU(d, y.coordinate(k) + column + j);
      const auto a0 = hn::Sub(v, hn::Set(d, z[0][k])), a1 = hn::Sub(v, hn::Set(d, z[1][k]));
      const auto a2 = hn::Sub(v, hn::Set(d, z[2][k])), a3 = hn::Sub(v, hn::Set(d, z[3][k]));
      q0 = hn::MulAdd(a0, a0, q0);
      q1 = hn::MulAdd(a1, a1, q1);
      q2 = hn::MulAdd(a2, a2, q2);
      q3 = hn::MulAdd(a3, a3, q3);
    }
    if constexpr (Root) {
      const auto least = hn::Set(d, smallest);
      q0 = hn::Max(hn::Sqrt(q0), least);
      q1 = hn::Max(hn::Sqrt(q1), least);
      q2 = hn::Max(hn::Sqrt(q2), least);
      q3 = hn::Max(hn::Sqrt(q3), least);
    }
    hn::Store(q0, d, tile.value[0] + j);
    hn::Store(q1, d, tile.value[1] + j);
    hn::Store(q2, d, tile.value[2] + j);
    hn::Store(q3, d, tile.value[3] + j);
  }
  const std::ptrdiff_t real = std::min(width, y.n - column);
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
    for (std::ptrdiff_t j = real; j < width; ++j) tile.value[r][j] = far_away<T>;
  }
}

/// sums[r][k] += Σ_j tile[r][j] y_j[k]: the second half of a kernel-weighted mean. Relative: of (y_j -
/// z_r)[k] instead, which costs a subtraction and loses nothing where a weight is large because the pair is
/// close.
template <bool Relative, class T>
HWY_INLINE void accumulate_moments(const Tile<T>& tile, const T* const* z, const Cloud<T>& y,
                                   std::ptrdiff_t column, std::ptrdiff_t width, T* const* sums) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t k = 0; k < y.d; ++k) {
    const T* coordinate = y.coordinate(k) + column;
    const auto z0 = hn::Set(d, z[0][k]), z1 = hn::Set(d, z[1][k]), z2 = hn::Set(d, z[2][k]),
               z3 = hn::Set(d, z[3][k]);
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (std::ptrdiff_t j = 0; j < width; j += lanes) {
      const auto v = hn::LoadU(d, coordinate + j);
      s0 = hn::MulAdd(hn::Load(d, tile.value[0] + j), Relative ? hn::Sub(v, z0) : v, s0);
      s1 = hn::MulAdd(hn::Load(d, tile.value[1] + j), Relative ? hn::Sub(v, z1) : v, s1);
      s2 = hn::MulAdd(hn::Load(d, tile.value[2] + j), Relative ? hn::Sub(v, z2) : v, s2);
      s3 = hn::MulAdd(hn::Load(d, tile.value[3] + j), Relative ? hn::Sub(v, z3) : v, s3);
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
