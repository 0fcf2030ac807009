#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include "starling/math/minimax_polynomial.h"

namespace starling::kernels {

// The iterations that orthogonalise a matrix X (k, n), k <= n, written once over `Products`, which knows how
// matrices lie in memory (row-major; rows of a square one begin every `square_stride` numbers):
//   gram(x, out)                             out = X Xᵀ
//   symmetric(alpha, a, b, beta, c, out)     out = alpha A B + beta C; A, B powers of one symmetric matrix
//   apply(alpha, q, x, out)                  out = alpha Q X

/// Square matrices that an iteration works in.
template <class T>
struct SquareScratch {
  T* r;
  T* q;
  T* s;
  T* t;
};

template <class T, class Products>
void add_to_diagonal(const Products& products, T value, T* square) {
  for (std::ptrdiff_t i = 0; i < products.rows; ++i) square[i * products.square_stride + i] += value;
}

/// The largest of the sums of f(entry) over the columns of a symmetric matrix. Column by column side by side,
/// which a compiler turns into vectors; `sums` holds a row.
template <class T, class Products, class F>
T largest_column_sum(const Products& products, const T* square, T* sums, F f) {
  const std::ptrdiff_t width = products.square_stride;
  std::fill_n(sums, width, T(0));
  for (std::ptrdiff_t i = 0; i < products.rows; ++i) {
    const T* row = square + i * width;
    for (std::ptrdiff_t j = 0; j < width; ++j) sums[j] += f(row[j]);
  }
  return *std::max_element(sums, sums + width);
}

/// What bounds the eigenvalues of R from above, given R²: they are at most R's largest absolute row sum, and
/// their squares at most R²'s largest absolute row sum and Frobenius norm. `sums` holds a row.
template <class T, class Products>
T eigenvalue_bound(const Products& products, const T* r, const T* r2, T* sums) {
  const auto absolute = [](T value) { return std::abs(value); };
  const T row = largest_column_sum(products, r, sums, absolute);
  const T row_of_square = largest_column_sum(products, r2, sums, absolute);
  largest_column_sum(products, r2, sums, [](T value) { return value * value; });
  T squares = 0;
  for (std::ptrdiff_t j = 0; j < products.rows; ++j) squares += sums[j];
  return std::min({row, std::sqrt(row_of_square), std::sqrt(std::sqrt(squares))});
}

/// out = X (XᵀX + e² I)^(-1/2): with R = (X Xᵀ + e² I)/c² the product Q of its quintics' p(x)/x at √R is
/// R^(-1/2), and Q X / c the answer. c² bounds the eigenvalues from above, so that those of √R lie in [l, 1],
/// l = e/c, and the schedule for l certifies the error. Entries of X are at most 1, lest a square overflow.
/// Returns l, or 0 and leaves `out` alone where the table does not reach l (or a number was lost).
template <class T, class Products>
T regularise(const Products& products, T epsilon, const math::MinimaxTable& table, const T* x,
             SquareScratch<T> m, T* out) {
  const std::ptrdiff_t size = products.rows * products.square_stride;
  products.gram(x, m.r);
  products.symmetric(T(1), m.r, m.r, T(0), m.r, m.t);
  constexpr T margin = T(1.002);  // covers the rounding of R
  const T c = std::sqrt(margin * (eigenvalue_bound(products, m.r, m.t, m.q) + epsilon * epsilon));
  const T lower = epsilon / c;
  const math::MinimaxSchedule* schedule = table.find(static_cast<double>(lower));
  if (schedule == nullptr) return 0;
  const std::size_t steps = schedule->steps.size();
  if (steps == 0) {
    std::fill_n(m.q, size, T(0));
    add_to_diagonal(products, T(1), m.q);
  }
  // R and R² of the shifted, scaled matrix, from those of X Xᵀ.
  const T inverse = 1 / (c * c), shift = lower * lower;
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    const T r = inverse * m.r[i];
    m.r[i] = r;
    m.t[i] = inverse * (inverse * m.t[i]) + 2 * shift * r;
  }
  add_to_diagonal(products, shift, m.r);
  add_to_diagonal(products, shift * shift, m.t);
  for (std::size_t i = 0; i < steps; ++i) {
    const math::OddQuintic& p = schedule->steps[i];
    if (i > 0) {
      products.symmetric(static_cast<T>(p.c), m.r, m.r, static_cast<T>(p.b), m.r, m.s);
    } else {
      const T pb = static_cast<T>(p.b), pc = static_cast<T>(p.c);
      for (std::ptrdiff_t j = 0; j < size; ++j) m.s[j] = pc * m.t[j] + pb * m.r[j];
    }
    add_to_diagonal(products, static_cast<T>(p.a), m.s);
    if (i + 1 < steps) {
      products.symmetric(T(1), m.r, m.s, T(0), m.r, m.t);
      products.symmetric(T(1), m.s, m.t, T(0), m.r, m.r);
    }
    if (i == 0) {
      std::swap(m.q, m.s);
    } else {
      products.symmetric(T(1), m.q, m.s, T(0), m.q, m.t);
      std::swap(m.q, m.t);
    }
  }
  products.apply(1 / c, m.q, x, out);
  return lower;
}

/// X <- a X + (b A + c A²) X, A = X Xᵀ, for each step in turn. `x` and `y` take turns; returns the one that
/// holds the end.
template <class T, class Products>
T* newton_schulz(const Products& products, std::span<const math::OddQuintic> steps, T* x, T* y,
                 SquareScratch<T> m) {
  for (const math::OddQuintic& p : steps) {
    products.gram(x, m.r);
    products.symmetric(static_cast<T>(p.c), m.r, m.r, static_cast<T>(p.b), m.r, m.s);
    add_to_diagonal(products, static_cast<T>(p.a), m.s);
    products.apply(T(1), m.s, x, y);
    std::swap(x, y);
  }
  return x;
}

}  // namespace starling::kernels
