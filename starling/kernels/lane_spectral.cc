// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/lane_spectral.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "starling/kernels/lane_product-inl.h"
#include "starling/kernels/lane_spectral.h"
#include "starling/simd/dispatch.h"

#ifndef STARLING_KERNELS_LANE_SPECTRAL_ONCE
#define STARLING_KERNELS_LANE_SPECTRAL_ONCE
namespace starling::kernels {

template <class T>
constexpr std::ptrdiff_t most_lanes = 64 / static_cast<std::ptrdiff_t>(sizeof(T));

constexpr std::ptrdiff_t to_tiles(std::ptrdiff_t count) {
  return (count + lane_tile - 1) / lane_tile * lane_tile;
}

// The workspace cut up: X (k, n) and another like it, four symmetric matrices, a row.
template <class T>
struct LaneParts {
  std::ptrdiff_t rows, columns;  // of the matrices in memory
  std::ptrdiff_t k, n;           // the shorter and the longer, padded to tiles
  std::ptrdiff_t stride;         // of a row of X: odd, lest rows share few sets of the cache
  T *x, *y, *r, *q, *s, *t, *row;

  explicit LaneParts(SmallShape shape)
      : rows(shape.rows),
        columns(shape.columns),
        k(to_tiles(std::min(rows, columns))),
        n(to_tiles(std::max(rows, columns))),
        stride(n + 1) {}
  explicit LaneParts(LaneWorkspace<T>& workspace) : LaneParts(workspace.shape_) {
    T* at = workspace.numbers_.data();
    for (T** part : {&x, &y, &r, &q, &s, &t, &row}) {
      *part = at;
      at += (part == &x || part == &y ? k * stride : part == &row ? k : lane_square(k)) * most_lanes<T>;
    }
  }
  std::ptrdiff_t size() const { return (2 * k * stride + 4 * lane_square(k) + k) * most_lanes<T>; }
};

}  // namespace starling::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

// A group of matrices, as many as there are lanes; a short group repeats its last.
template <class T>
struct LaneGroup {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  const D d{};
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  LaneParts<T> parts;
  LaneProducts<D> products{d, parts.k, parts.n, parts.stride, lanes};
  V one = hn::Set(d, T(1));

  // Where entry (i, j) of X lies within a matrix.
  std::ptrdiff_t place(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return parts.rows > parts.columns ? j * parts.columns + i : i * parts.columns + j;
  }
  std::ptrdiff_t inner() const { return std::min(parts.rows, parts.columns); }
  std::ptrdiff_t outer() const { return std::max(parts.rows, parts.columns); }

  // Between memory and lanes matrices pass through an array where they lie this far apart: no power of two,
  // as their size may be, in which case a line of each would fall into one set of the cache.
  std::ptrdiff_t passage() const { return parts.k * parts.stride; }
  auto passages() const {
    alignas(64) Integer offsets[most_lanes<T>];
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane)
      offsets[lane] = static_cast<Integer>(lane * passage());
    return hn::Load(hn::RebindToSigned<D>(), offsets);
  }

  // X from `held` <= lanes matrices, through Y. The largest absolute entries, NaN where an entry is not
  // finite.
  HWY_INLINE V gather(const T* in, std::ptrdiff_t held) const {
    const std::ptrdiff_t size = parts.rows * parts.columns;
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane)
      std::copy_n(in + std::min(lane, held - 1) * size, size, parts.y + lane * passage());
    const auto from = passages();
    V most = hn::Zero(d), lost = hn::Zero(d);
    for (std::ptrdiff_t i = 0; i < inner(); ++i) {
      T* row = parts.x + i * parts.stride * lanes;
      for (std::ptrdiff_t j = 0; j < outer(); ++j) {
        const V x = hn::GatherIndex(d, parts.y + place(i, j), from);
        most = hn::Max(most, hn::Abs(x));
        lost = hn::MulAdd(x, hn::Zero(d), lost);
        hn::Store(x, d, row + j * lanes);
      }
      std::fill(row + outer() * lanes, row + parts.stride * lanes, T(0));
    }
    std::fill(parts.x + inner() * parts.stride * lanes, parts.x + parts.k * parts.stride * lanes, T(0));
    return hn::Add(most, lost);
  }

  HWY_INLINE void multiply(V factor) const {
    for (std::ptrdiff_t at = 0; at < parts.k * parts.stride * lanes; at += lanes)
      hn::Store(hn::Mul(factor, hn::Load(d, parts.x + at)), d, parts.x + at);
  }

  HWY_INLINE V squares(V factor) const {
    V sum = hn::Zero(d);
    for (std::ptrdiff_t at = 0; at < parts.k * parts.stride * lanes; at += lanes) {
      const V x = hn::Mul(factor, hn::Load(d, parts.x + at));
      sum = hn::MulAdd(x, x, sum);
    }
    return sum;
  }

  // X or Y to the matrices that `wanted` says, through the other.
  template <class Wanted>
  HWY_INLINE void scatter(const T* from, T* out, std::ptrdiff_t held, Wanted wanted) const {
    const std::ptrdiff_t size = parts.rows * parts.columns;
    T* passing = from == parts.x ? parts.y : parts.x;
    const auto to = passages();
    for (std::ptrdiff_t i = 0; i < inner(); ++i) {
      for (std::ptrdiff_t j = 0; j < outer(); ++j)
        hn::ScatterIndex(hn::Load(d, from + (i * parts.stride + j) * lanes), d, passing + place(i, j), to);
    }
    for (std::ptrdiff_t lane = 0; lane < held; ++lane) {
      if (wanted(lane)) std::copy_n(passing + lane * passage(), size, out + lane * size);
    }
  }

  // As eigenvalue_bound() in spectral_iteration.h: the largest row sums of absolute values, and of squares.
  template <class F>
  HWY_INLINE V largest_row_sum(const T* square, F f) const {
    std::fill_n(parts.row, parts.k * lanes, T(0));
    const auto add = [this](std::ptrdiff_t at, V value) {
      hn::Store(hn::Add(value, hn::Load(d, parts.row + at * lanes)), d, parts.row + at * lanes);
    };
    for (std::ptrdiff_t i = 0; i < products.blocks(); ++i) {
      for (std::ptrdiff_t j = 0; j <= i; ++j) {
        const T* block = square + lane_block(i, j) * lanes;
        for (std::ptrdiff_t at = 0; at < lane_tile * lane_tile; ++at) {
          const V value = f(hn::Load(d, block + at * lanes));
          add(lane_tile * i + at / lane_tile, value);
          if (i != j) add(lane_tile * j + at % lane_tile, value);
        }
      }
    }
    V most = hn::Zero(d);
    for (std::ptrdiff_t i = 0; i < parts.k; ++i) most = hn::Max(most, hn::Load(d, parts.row + i * lanes));
    return most;
  }
  HWY_INLINE V eigenvalue_bound(const T* r, const T* r2) const {
    const auto absolute = [](V value) { return hn::Abs(value); };
    const V row = largest_row_sum(r, absolute);
    const V row_of_square = largest_row_sum(r2, absolute);
    largest_row_sum(r2, [](V value) { return hn::Mul(value, value); });
    V sum = hn::Zero(d);
    for (std::ptrdiff_t i = 0; i < parts.k; ++i) sum = hn::Add(sum, hn::Load(d, parts.row + i * lanes));
    return hn::Min(row, hn::Min(hn::Sqrt(row_of_square), hn::Sqrt(hn::Sqrt(sum))));
  }
};

// The steps of every lane; those that need fewer than their neighbours end with steps that change nothing.
template <class T>
struct LaneSchedules {
  const math::MinimaxSchedule* of[most_lanes<T>];
  std::size_t steps = 1;

  LaneSchedules(const math::MinimaxTable& table, const T* lower, std::ptrdiff_t lanes) {
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) {
      of[lane] = table.find(static_cast<double>(lower[lane]));
      if (of[lane] != nullptr) steps = std::max(steps, of[lane]->steps.size());
    }
  }

  struct Coefficients {
    alignas(64) T a[most_lanes<T>], b[most_lanes<T>], c[most_lanes<T>];
  };
  Coefficients step(std::size_t i, std::ptrdiff_t lanes) const {
    Coefficients all;
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) {
      const bool has = of[lane] != nullptr && i < of[lane]->steps.size();
      const math::OddQuintic p = has ? of[lane]->steps[i] : math::OddQuintic{1, 0, 0};
      all.a[lane] = static_cast<T>(p.a);
      all.b[lane] = static_cast<T>(p.b);
      all.c[lane] = static_cast<T>(p.c);
    }
    return all;
  }
};

// regularise() of spectral_iteration.h in every lane, from X with entries of at most 1.
template <class T>
HWY_INLINE void regularise_group(const LaneGroup<T>& group, hn::Vec<hn::ScalableTag<T>> epsilon,
                                 const math::MinimaxTable& table, T* lower) {
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto& d = group.d;
  const auto& products = group.products;
  LaneParts<T> m = group.parts;
  products.gram(m.x, m.r);
  products.symmetric(m.r, m.r, m.t);
  const V bound = hn::MulAdd(epsilon, epsilon, group.eigenvalue_bound(m.r, m.t));
  const V c = hn::Sqrt(hn::Mul(hn::Set(d, T(1.002)), bound));  // the margin covers the rounding of R
  const V l = hn::Div(epsilon, c), inverse = hn::Div(group.one, hn::Mul(c, c)), shift = hn::Mul(l, l);
  hn::Store(l, d, lower);
  const LaneSchedules<T> schedules(table, lower, group.lanes);
  // R and R² of the shifted, scaled matrix, from those of X Xᵀ.
  products.each_entry(m.r, m.r, [&](V r, std::ptrdiff_t) { return hn::Mul(inverse, r); });
  products.each_entry(m.t, m.t, [&](V t, std::ptrdiff_t at) {
    const V twice = hn::Mul(hn::Add(shift, shift), hn::Load(d, m.r + at));
    return hn::MulAdd(inverse, hn::Mul(inverse, t), twice);
  });
  products.add_to_diagonal(shift, m.r);
  products.add_to_diagonal(hn::Mul(shift, shift), m.t);
  for (std::size_t i = 0; i < schedules.steps; ++i) {
    const auto p = schedules.step(i, group.lanes);
    const V a = hn::Load(d, p.a), b = hn::Load(d, p.b), pc = hn::Load(d, p.c);
    const auto quintic = [&](V square, std::ptrdiff_t at) {
      return hn::MulAdd(pc, square, hn::Mul(b, hn::Load(d, m.r + at)));
    };
    if (i == 0) {
      products.each_entry(m.t, m.s, quintic);
    } else {
      products.symmetric(m.r, m.r, m.s, quintic);
    }
    products.add_to_diagonal(a, m.s);
    if (i + 1 < schedules.steps) {
      products.symmetric(m.r, m.s, m.t);
      products.symmetric(m.s, m.t, m.r);
    }
    if (i == 0) {
      std::swap(m.q, m.s);
    } else {
      products.symmetric(m.q, m.s, m.t);
      std::swap(m.q, m.t);
    }
  }
  products.apply(hn::Div(group.one, c), m.q, m.x, m.y);
  for (std::ptrdiff_t lane = 0; lane < group.lanes; ++lane) {
    if (schedules.of[lane] == nullptr) lower[lane] = 0;
  }
}

template <class T>
void regularise_all(const LaneParts<T>& parts, std::ptrdiff_t count, const T* in, const T* epsilon,
                    const math::MinimaxTable& table, T* out, T* lower) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const LaneGroup<T> group{.parts = parts};
  const auto& d = group.d;
  const std::ptrdiff_t size = parts.rows * parts.columns;
  for (std::ptrdiff_t begin = 0; begin < count; begin += group.lanes) {
    const std::ptrdiff_t held = std::min(group.lanes, count - begin);
    alignas(64) T largest[most_lanes<T>], scale[most_lanes<T>], scaled[most_lanes<T>];
    bool fits[most_lanes<T>];
    hn::Store(group.gather(in + begin * size, held), d, largest);
    for (std::ptrdiff_t lane = 0; lane < group.lanes; ++lane) {
      const T most = largest[lane];
      // Entries of at most 1: no square overflows, whatever the units. What cannot be scaled so, and an e
      // beyond the table's reach, is left to the caller; its lane works on nothing.
      const T unit = most > 0 ? 1 / most : T(1);
      const T e = epsilon[begin + std::min(lane, held - 1)] * unit;
      fits[lane] = most > 0 && most < infinity && unit < infinity && e * e < infinity;
      scale[lane] = fits[lane] ? unit : T(0);
      scaled[lane] = fits[lane] ? e : T(1);
    }
    group.multiply(hn::Load(d, scale));
    alignas(64) T bounds[most_lanes<T>];
    regularise_group(group, hn::Load(d, scaled), table, bounds);
    for (std::ptrdiff_t lane = 0; lane < held; ++lane) {
      if (largest[lane] == 0) {
        std::fill_n(out + (begin + lane) * size, size, T(0));
        lower[begin + lane] = 1;
      } else {
        lower[begin + lane] = fits[lane] ? bounds[lane] : T(0);
      }
    }
    group.scatter(parts.y, out + begin * size, held,
                  [&](std::ptrdiff_t lane) { return fits[lane] && lower[begin + lane] > 0; });
  }
}

template <class T>
HWY_INLINE const T* newton_schulz_group(const LaneGroup<T>& group, std::span<const math::OddQuintic> steps) {
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto& d = group.d;
  LaneParts<T> m = group.parts;
  for (const math::OddQuintic& p : steps) {
    const V b = hn::Set(d, static_cast<T>(p.b)), c = hn::Set(d, static_cast<T>(p.c));
    group.products.gram(m.x, m.r);
    group.products.symmetric(m.r, m.r, m.s, [&](V square, std::ptrdiff_t at) {
      return hn::MulAdd(c, square, hn::Mul(b, hn::Load(d, m.r + at)));
    });
    group.products.add_to_diagonal(hn::Set(d, static_cast<T>(p.a)), m.s);
    group.products.apply(group.one, m.s, m.x, m.y);
    std::swap(m.x, m.y);
  }
  return m.x;
}

template <class T>
void newton_schulz_all(const LaneParts<T>& parts, std::ptrdiff_t count, const T* in, double safety,
                       double cushion, std::span<const math::OddQuintic> steps, T* out, bool* finite) {
  const LaneGroup<T> group{.parts = parts};
  const auto& d = group.d;
  const std::ptrdiff_t size = parts.rows * parts.columns;
  for (std::ptrdiff_t begin = 0; begin < count; begin += group.lanes) {
    const std::ptrdiff_t held = std::min(group.lanes, count - begin);
    alignas(64) T largest[most_lanes<T>], scale[most_lanes<T>], squares[most_lanes<T>];
    hn::Store(group.gather(in + begin * size, held), d, largest);
    for (std::ptrdiff_t lane = 0; lane < group.lanes; ++lane)
      scale[lane] = largest[lane] >= std::numeric_limits<T>::min() ? 1 / largest[lane] : T(1);
    hn::Store(group.squares(hn::Load(d, scale)), d, squares);
    for (std::ptrdiff_t lane = 0; lane < group.lanes; ++lane) {
      const double norm = static_cast<double>(largest[lane]) * std::sqrt(static_cast<double>(squares[lane]));
      scale[lane] = static_cast<T>(1 / (safety * norm + cushion));
    }
    group.multiply(hn::Load(d, scale));
    const T* end = newton_schulz_group(group, steps);
    for (std::ptrdiff_t lane = 0; lane < held; ++lane)
      finite[begin + lane] = largest[lane] < std::numeric_limits<T>::infinity();
    group.scatter(end, out + begin * size, held, [&](std::ptrdiff_t lane) { return finite[begin + lane]; });
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

bool suits_lanes(SmallShape shape, std::ptrdiff_t count) {
  constexpr std::ptrdiff_t most_rows = 32, most_columns = 48, fewest = 16;
  return std::min(shape.rows, shape.columns) <= most_rows &&
         std::max(shape.rows, shape.columns) <= most_columns && count >= fewest;
}

template <class T>
LaneWorkspace<T>::LaneWorkspace(SmallShape shape)
    : shape_(shape), numbers_(static_cast<std::size_t>(LaneParts<T>(shape).size()), T(0)) {}

template <class T>
void regularise_lanes(std::ptrdiff_t count, const T* in, const T* epsilon, const math::MinimaxTable& table,
                      T* out, T* lower, LaneWorkspace<T>& workspace) {
  const LaneParts<T> parts(workspace);
  STARLING_DISPATCH(T, regularise_all)(parts, count, in, epsilon, table, out, lower);
}

template <class T>
void newton_schulz_lanes(std::ptrdiff_t count, const T* in, double safety, double cushion,
                         std::span<const math::OddQuintic> steps, T* out, bool* finite,
                         LaneWorkspace<T>& workspace) {
  const LaneParts<T> parts(workspace);
  STARLING_DISPATCH(T, newton_schulz_all)(parts, count, in, safety, cushion, steps, out, finite);
}

template void regularise_lanes(std::ptrdiff_t, const float*, const float*, const math::MinimaxTable&, float*,
                               float*, LaneWorkspace<float>&);
template void newton_schulz_lanes(std::ptrdiff_t, const float*, double, double,
                                  std::span<const math::OddQuintic>, float*, bool*, LaneWorkspace<float>&);
template void regularise_lanes(std::ptrdiff_t, const double*, const double*, const math::MinimaxTable&,
                               double*, double*, LaneWorkspace<double>&);
template void newton_schulz_lanes(std::ptrdiff_t, const double*, double, double,
                                  std::span<const math::OddQuintic>, double*, bool*, LaneWorkspace<double>&);
template class LaneWorkspace<float>;
template class LaneWorkspace<double>;

}  // namespace starling::kernels
#endif
