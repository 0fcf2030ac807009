// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/small_spectral.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "starling/kernels/entries-inl.h"
#include "starling/kernels/small_product-inl.h"
#include "starling/kernels/small_spectral.h"
#include "starling/kernels/spectral_iteration.h"
#include "starling/simd/dispatch.h"

#ifndef STARLING_KERNELS_SMALL_SPECTRAL_ONCE
#define STARLING_KERNELS_SMALL_SPECTRAL_ONCE
namespace starling::kernels {

constexpr std::ptrdiff_t widest_vector = 64;  // bytes; what rows are padded to

template <class T>
std::ptrdiff_t padded(std::ptrdiff_t count) {
  constexpr std::ptrdiff_t lanes = widest_vector / static_cast<std::ptrdiff_t>(sizeof(T));
  return (count + lanes - 1) / lanes * lanes;
}

// The workspace cut up: X (k, n), its transpose, another (k, n), and four (k, k).
template <class T>
struct SmallParts {
  std::ptrdiff_t k, n, wide, square;  // `wide` and `square`: padded n and k
  bool tall;
  T *x, *xt, *y;
  SquareScratch<T> m;

  explicit SmallParts(SmallShape shape)
      : k(std::min(shape.rows, shape.columns)),
        n(std::max(shape.rows, shape.columns)),
        wide(padded<T>(n)),
        square(padded<T>(k)),
        tall(shape.rows > shape.columns) {}
  explicit SmallParts(SmallWorkspace<T>& workspace) : SmallParts(workspace.shape_) {
    T* at = workspace.numbers_.data();
    const auto take = [&at](std::ptrdiff_t count) {
      T* begin = at;
      at += count;
      return begin;
    };
    x = take(k * wide);
    y = take(k * wide);
    xt = take(n * square);
    m = {take(k * square), take(k * square), take(k * square), take(k * square)};
  }
  std::ptrdiff_t size() const { return 2 * k * wide + n * square + 4 * k * square; }
};

}  // namespace starling::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

template <class T>
struct SmallProducts {
  std::ptrdiff_t rows, square_stride, columns, stride;
  T* xt;

  void gram(const T* x, T* out) const {
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) xt[j * square_stride + i] = x[i * stride + j];
    }
    small_product<false>(SmallFactors<T>{x, stride, columns, xt, square_stride, T(1), T(0), nullptr, out},
                         rows);
  }
  void symmetric(T alpha, const T* a, const T* b, T beta, const T* c, T* out) const {
    const SmallFactors<T> f{a, square_stride, rows, b, square_stride, alpha, beta, c, out};
    if (beta == T(0)) {
      small_product<false>(f, rows);
    } else {
      small_product<true>(f, rows);
    }
  }
  void apply(T alpha, const T* q, const T* x, T* out) const {
    small_product<false>(SmallFactors<T>{q, square_stride, rows, x, stride, alpha, T(0), nullptr, out}, rows);
  }
};

template <class T>
HWY_INLINE void load(const SmallParts<T>& parts, const T* in, T scale) {
  if (parts.tall) {
    for (std::ptrdiff_t j = 0; j < parts.n; ++j) {
      for (std::ptrdiff_t i = 0; i < parts.k; ++i) parts.x[i * parts.wide + j] = scale * in[j * parts.k + i];
    }
    return;
  }
  for (std::ptrdiff_t i = 0; i < parts.k; ++i) {
    for (std::ptrdiff_t j = 0; j < parts.n; ++j) parts.x[i * parts.wide + j] = scale * in[i * parts.n + j];
  }
}

template <class T>
HWY_INLINE void store(const SmallParts<T>& parts, const T* from, T* out) {
  if (parts.tall) {
    for (std::ptrdiff_t j = 0; j < parts.n; ++j) {
      for (std::ptrdiff_t i = 0; i < parts.k; ++i) out[j * parts.k + i] = from[i * parts.wide + j];
    }
    return;
  }
  for (std::ptrdiff_t i = 0; i < parts.k; ++i) std::copy_n(from + i * parts.wide, parts.n, out + i * parts.n);
}

template <class T>
void regularise_all(const SmallParts<T>& parts, std::ptrdiff_t count, const T* in, const T* epsilon,
                    const math::MinimaxTable& table, T* out, T* lower) {
  const std::ptrdiff_t size = parts.k * parts.n;
  const SmallProducts<T> products{parts.k, parts.square, parts.n, parts.wide, parts.xt};
  for (std::ptrdiff_t i = 0; i < count; ++i, in += size, out += size) {
    const T largest = largest_entry(in, size);
    lower[i] = 0;
    if (!(largest < std::numeric_limits<T>::infinity())) continue;
    if (largest == 0) {
      std::fill_n(out, size, T(0));
      lower[i] = 1;
      continue;
    }
    // Entries of at most 1: no square overflows, whatever the units. An e that would is beyond the table's
    // reach, where M/e is the map to rounding: left to the caller.
    const T scale = 1 / largest, e = epsilon[i] * scale;
    if (!(scale < std::numeric_limits<T>::infinity() && e * e < std::numeric_limits<T>::infinity())) continue;
    load(parts, in, scale);
    lower[i] = regularise(products, e, table, parts.x, parts.m, parts.y);
    if (lower[i] > 0) store(parts, parts.y, out);
  }
}

template <class T>
void newton_schulz_all(const SmallParts<T>& parts, std::ptrdiff_t count, const T* in, double safety,
                       double cushion, std::span<const math::OddQuintic> steps, T* out, bool* finite) {
  const std::ptrdiff_t size = parts.k * parts.n;
  const SmallProducts<T> products{parts.k, parts.square, parts.n, parts.wide, parts.xt};
  for (std::ptrdiff_t i = 0; i < count; ++i, in += size, out += size) {
    const T largest = largest_entry(in, size);
    finite[i] = largest < std::numeric_limits<T>::infinity();
    if (!finite[i]) continue;
    const T unit = largest >= std::numeric_limits<T>::min() ? 1 / largest : T(1);  // else beside the cushion
    const double norm =
        static_cast<double>(largest) * std::sqrt(static_cast<double>(squares(in, size, unit)));
    load(parts, in, static_cast<T>(1 / (safety * norm + cushion)));
    store(parts, newton_schulz(products, steps, parts.x, parts.y, parts.m), out);
  }
}

STARLING_INSTANTIATE(regularise_all);
STARLING_INSTANTIATE(newton_schulz_all);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(regularise_all);
STARLING_EXPORT(newton_schulz_all);

bool is_small(SmallShape shape) {
  constexpr std::ptrdiff_t most_rows = 64, most_entries = 16384;
  return std::min(shape.rows, shape.columns) <= most_rows && shape.rows * shape.columns <= most_entries;
}

template <class T>
SmallWorkspace<T>::SmallWorkspace(SmallShape shape, std::ptrdiff_t batch) : shape_(shape) {
  if (suits_lanes(shape, batch)) {
    lanes_.emplace(shape);
  } else {
    numbers_.assign(static_cast<std::size_t>(SmallParts<T>(shape).size()), T(0));
  }
}

template <class T>
void regularise_small(std::ptrdiff_t count, const T* in, const T* epsilon, const math::MinimaxTable& table,
                      T* out, T* lower, SmallWorkspace<T>& workspace) {
  if (workspace.lanes_) return regularise_lanes(count, in, epsilon, table, out, lower, *workspace.lanes_);
  const SmallParts<T> parts(workspace);
  STARLING_DISPATCH(T, regularise_all)(parts, count, in, epsilon, table, out, lower);
}

template <class T>
void newton_schulz_small(std::ptrdiff_t count, const T* in, double safety, double cushion,
                         std::span<const math::OddQuintic> steps, T* out, bool* finite,
                         SmallWorkspace<T>& workspace) {
  if (workspace.lanes_) {
    newton_schulz_lanes(count, in, safety, cushion, steps, out, finite, *workspace.lanes_);
    return;
  }
  const SmallParts<T> parts(workspace);
  STARLING_DISPATCH(T, newton_schulz_all)(parts, count, in, safety, cushion, steps, out, finite);
}

template void regularise_small(std::ptrdiff_t, const float*, const float*, const math::MinimaxTable&, float*,
                               float*, SmallWorkspace<float>&);
template void newton_schulz_small(std::ptrdiff_t, const float*, double, double,
                                  std::span<const math::OddQuintic>, float*, bool*, SmallWorkspace<float>&);
template void regularise_small(std::ptrdiff_t, const double*, const double*, const math::MinimaxTable&,
                               double*, double*, SmallWorkspace<double>&);
template void newton_schulz_small(std::ptrdiff_t, const double*, double, double,
                                  std::span<const math::OddQuintic>, double*, bool*, SmallWorkspace<double>&);
template class SmallWorkspace<float>;
template class SmallWorkspace<double>;

}  // namespace starling::kernels
#endif
