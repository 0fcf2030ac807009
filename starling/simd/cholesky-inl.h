// Cholesky factors of many small matrices at once, one in every lane. Included once per target, inside
// foreach_target; never from a plain header.
#if defined(STARLING_SIMD_CHOLESKY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_SIMD_CHOLESKY_INL_H_
#undef STARLING_SIMD_CHOLESKY_INL_H_
#else
#define STARLING_SIMD_CHOLESKY_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace starling::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows and columns are worked on in tiles of this size: pad a matrix to a multiple of it, with ones on the
/// diagonal.
inline constexpr std::ptrdiff_t cholesky_tile = 4;

/// Where row r of a packed lower triangle begins, in vectors: element (r, c), c <= r, is vector packed_row(r)
/// + c.
inline constexpr std::ptrdiff_t packed_row(std::ptrdiff_t r) {
  return r * (r + 1) / 2;
}

/// A tile of rows r.. and columns c.. less what the columns before c explain: A[r][c] - Σ_{k<c} L[r][k]
/// L[c][k].
template <class D>
struct CholeskyTile {
  using V = hn::Vec<D>;
  V value[cholesky_tile][cholesky_tile];

  HWY_INLINE CholeskyTile(D d, const double* matrix, std::ptrdiff_t r, std::ptrdiff_t c) {
    const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
    const double* rows[cholesky_tile];
    const double* columns[cholesky_tile];
    for (std::ptrdiff_t i = 0; i < cholesky_tile; ++i) {
      rows[i] = matrix + packed_row(r + i) * lanes;
      columns[i] = matrix + packed_row(c + i) * lanes;
      for (std::ptrdiff_t j = 0; j < cholesky_tile; ++j)
        value[i][j] = c + j <= r + i ? hn::Load(d, rows[i] + (c + j) * lanes) : hn::Zero(d);
    }
    for (std::ptrdiff_t k = 0; k < c; ++k) {
      V column[cholesky_tile];
      for (std::ptrdiff_t j = 0; j < cholesky_tile; ++j) column[j] = hn::Load(d, columns[j] + k * lanes);
      for (std::ptrdiff_t i = 0; i < cholesky_tile; ++i) {
        const V row = hn::Load(d, rows[i] + k * lanes);
        for (std::ptrdiff_t j = 0; j < cholesky_tile; ++j)
          value[i][j] = hn::NegMulAdd(row, column[j], value[i][j]);
      }
    }
  }
};

/// Replaces the packed lower triangle of order n (a multiple of `cholesky_tile`) by L with A = L L', the
/// reciprocals of its diagonal in place of the diagonal. True in the lanes whose matrix is positive definite;
/// the others hold numbers of no meaning, all finite if the matrix was.
template <class D>
HWY_INLINE hn::Mask<D> factorise(D d, std::ptrdiff_t n, double* matrix) {
  using V = hn::Vec<D>;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const V one = hn::Set(d, 1.0);
  auto definite = hn::Eq(one, one);
  for (std::ptrdiff_t r = 0; r < n; r += cholesky_tile) {
    for (std::ptrdiff_t c = 0; c <= r; c += cholesky_tile) {
      CholeskyTile<D> tile(d, matrix, r, c);
      for (std::ptrdiff_t j = 0; j < cholesky_tile; ++j) {
        double* pivots = matrix + packed_row(c + j) * lanes;
        if (c == r) {
          const auto positive = hn::Gt(tile.value[j][j], hn::Zero(d));
          definite = hn::And(definite, positive);
          const V pivot = hn::Div(one, hn::Sqrt(hn::IfThenElse(positive, tile.value[j][j], one)));
          hn::Store(pivot, d, pivots + (c + j) * lanes);
        }
        const V reciprocal = hn::Load(d, pivots + (c + j) * lanes);
        for (std::ptrdiff_t i = c == r ? j + 1 : 0; i < cholesky_tile; ++i) {
          const V entry = hn::Mul(tile.value[i][j], reciprocal);
          hn::Store(entry, d, matrix + (packed_row(r + i) + c + j) * lanes);
          // What column j explains of the columns after it; in a diagonal tile their pivots' rows are in the
          // tile.
          for (std::ptrdiff_t l = j + 1; l < cholesky_tile && (c != r || l <= i); ++l) {
            const V other = hn::Load(d, matrix + (packed_row(c + l) + c + j) * lanes);
            tile.value[i][l] = hn::NegMulAdd(entry, other, tile.value[i][l]);
          }
        }
      }
    }
  }
  return definite;
}

/// Replaces b by the solution x of L L' x = b, in every lane.
template <class D>
HWY_INLINE void solve(D d, std::ptrdiff_t n, const double* factor, double* b) {
  using V = hn::Vec<D>;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t r = 0; r < n; ++r) {
    const double* row = factor + packed_row(r) * lanes;
    V even = hn::Load(d, b + r * lanes), odd = hn::Zero(d);
    std::ptrdiff_t k = 0;
    for (; k + 1 < r; k += 2) {
      even = hn::NegMulAdd(hn::Load(d, row + k * lanes), hn::Load(d, b + k * lanes), even);
      odd = hn::NegMulAdd(hn::Load(d, row + (k + 1) * lanes), hn::Load(d, b + (k + 1) * lanes), odd);
    }
    if (k < r) even = hn::NegMulAdd(hn::Load(d, row + k * lanes), hn::Load(d, b + k * lanes), even);
    hn::Store(hn::Mul(hn::Add(even, odd), hn::Load(d, row + r * lanes)), d, b + r * lanes);
  }
  for (std::ptrdiff_t r = n - 1; r >= 0; --r) {
    const double* row = factor + packed_row(r) * lanes;
    const V x = hn::Mul(hn::Load(d, b + r * lanes), hn::Load(d, row + r * lanes));
    hn::Store(x, d, b + r * lanes);
    for (std::ptrdiff_t k = 0; k < r; ++k) {
      const V rest = hn::NegMulAdd(hn::Load(d, row + k * lanes), x, hn::Load(d, b + k * lanes));
      hn::Store(rest, d, b + k * lanes);
    }
  }
}

}  // namespace starling::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
