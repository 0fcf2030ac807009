// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/mean_shift.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "starling/comm/shared_loop.h"
#include "starling/kernels/mean_shift.h"
#include "starling/kernels/scratch.h"
#include "starling/kernels/tile-inl.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

template <class T>
struct Job {
  T scale;
  SelfPair self;
  const T* z;  // centred as y is
  std::ptrdiff_t n;
  const Cloud<T>& y;
  T* out;
  T* log_mass;
};

// What is known of a row: the distance to its nearest point, which every weight is relative to, and the mass.
template <class T>
struct RowSum {
  T nearest = far_away<T>, mass = 0;
};

template <class T>
HWY_INLINE void exclude_self(std::ptrdiff_t first_row, const Tile<T>& tile) {
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    const std::ptrdiff_t j = first_row + r - tile.column;
    if (j >= 0 && j < tile.width) tile.row(r)[j] = far_away<T>;
  }
}

template <class T>
HWY_INLINE void find_nearest(const Tile<T>& tile, RowSum<T>* rows) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    auto least = hn::Set(d, far_away<T>);
    for (std::ptrdiff_t j = 0; j < tile.width; j += lanes)
      least = hn::Min(least, hn::LoadU(d, tile.row(r) + j));
    // In this order std::min hands a NaN on.
    rows[r].nearest = std::min(hn::GetLane(hn::MinOfLanes(d, least)), rows[r].nearest);
  }
}

// Replaces distances by pushes b, and adds to the masses Σ a.
template <Radial kind, class T>
HWY_INLINE void weigh(T scale, const Tile<T>& tile, RowSum<T>* rows) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const T rate = kind == Radial::gaussian ? T(-1) / (T(2) * scale * scale) : T(-1) / scale;
  const auto c = hn::Set(d, rate);
  for (std::ptrdiff_t r = 0; r < tile.rows; ++r) {
    T* value = tile.row(r);
    const auto nearest = hn::Set(d, rows[r].nearest);
    auto mass = hn::Zero(d);
    for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
      const auto x = hn::LoadU(d, value + j);
      const auto e = exp_of_nonpositive(d, hn::Mul(hn::Sub(x, nearest), c));
      auto b = e;
      if constexpr (kind == Radial::laplace_gradient) {
        const auto coincident = hn::Le(x, hn::Set(d, least_root<T>));
        b = hn::IfThenZeroElse(coincident, hn::Div(e, hn::Mul(hn::IfThenElse(coincident, hn::Set(d, T(1)), x),
                                                              hn::Set(d, scale))));
      }
      if constexpr (kind == Radial::sharp) {
        b = hn::Mul(e, hn::Set(d, T(1) / (scale * scale)));
        mass = hn::Add(mass, hn::MulAdd(hn::Mul(x, hn::Set(d, T(1) / scale)), e, e));
      } else {
        mass = hn::Add(mass, e);
      }
      hn::StoreU(b, d, value + j);
    }
    rows[r].mass += hn::GetLane(hn::SumOfLanes(d, mass));
  }
}

// Σ b (y - z), divided by the mass; `moments` (d) holds Σ b (y - z).
template <Radial kind, class T>
void finish_row(const Job<T>& job, std::ptrdiff_t i, const RowSum<T>& row, const T* moments) {
  const bool empty = row.nearest >= far_away<T>;
  for (std::ptrdiff_t k = 0; k < job.y.d; ++k)
    job.out[i * job.y.d + k] = empty ? T(0) : moments[k] / row.mass;
  if (job.log_mass == nullptr) return;
  const T shift =
      kind == Radial::gaussian ? -row.nearest / (2 * job.scale * job.scale) : -row.nearest / job.scale;
  job.log_mass[i] = empty ? -std::numeric_limits<T>::infinity() : shift + std::log(row.mass);
}

template <Radial kind, class T>
void narrow_chunk(const Job<T>& job, std::ptrdiff_t begin, std::ptrdiff_t end) {
  constexpr bool root = kind != Radial::gaussian;
  std::vector<T> moments(static_cast<std::size_t>(tile_rows * job.y.d));
  T* sums[tile_rows];
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) sums[r] = moments.data() + r * job.y.d;
  TileRoom<T> room;
  for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
    const RowPointers<T> pointers(job.z, row, job.n, job.y.d);
    std::fill(moments.begin(), moments.end(), T(0));
    RowSum<T> rows[tile_rows];
    const auto tile_at = [&](std::ptrdiff_t column) {
      return Tile<T>{room.value, tile_columns, tile_rows, column, tile_width(job.y, column)};
    };
    const auto fill = [&](const Tile<T>& tile) {
      fill_narrow<root>(pointers, job.y, T(0), tile);
      if (job.self == SelfPair::excluded) exclude_self(row, tile);
    };
    for (std::ptrdiff_t column = 0; column < job.y.stride; column += tile_columns) {
      fill(tile_at(column));
      find_nearest(tile_at(column), rows);
    }
    for (std::ptrdiff_t column = 0; column < job.y.stride; column += tile_columns) {
      const Tile<T> tile = tile_at(column);
      if (job.y.stride > tile_columns) fill(tile);  // a single tile still holds them
      weigh<kind>(job.scale, tile, rows);
      accumulate_moments<true>(tile, pointers, job.y, sums);
    }
    for (std::ptrdiff_t r = 0; r < std::min(tile_rows, end - row); ++r)
      finish_row<kind>(job, row + r, rows[r], sums[r]);
  }
}

template <Radial kind, class T>
void wide_chunk(const Job<T>& job, const std::vector<T>& z_squares, std::ptrdiff_t begin,
                std::ptrdiff_t end) {
  constexpr bool root = kind != Radial::gaussian;
  const std::ptrdiff_t count = end - begin, width = job.y.stride, dimension = job.y.d;
  const Scratch<T> values(static_cast<std::size_t>(count * width));
  std::vector<T> moments(static_cast<std::size_t>(count * dimension));
  std::vector<RowSum<T>> rows(static_cast<std::size_t>(count));
  const Tile<T> tile{values.data(), width, count, 0, width};
  fill_wide<root>(job.z + begin * dimension, z_squares.data() + begin, job.y, T(0), tile);
  if (job.self == SelfPair::excluded) exclude_self(begin, tile);
  find_nearest(tile, rows.data());
  weigh<kind>(job.scale, tile, rows.data());
  math::product(count, width, dimension, tile.value, job.y.rows.data(), moments.data());
  const hn::ScalableTag<T> d;
  for (std::ptrdiff_t r = 0; r < count; ++r) {
    // Σ b (y - z) = Σ b y - z Σ b. Only here does the mass of the pushes differ from the mass of the row.
    auto push = hn::Zero(d);
    for (std::ptrdiff_t j = 0; j < width; j += static_cast<std::ptrdiff_t>(hn::Lanes(d)))
      push = hn::Add(push, hn::LoadU(d, tile.row(r) + j));
    const T pushed = hn::GetLane(hn::SumOfLanes(d, push));
    T* moment = moments.data() + r * dimension;
    for (std::ptrdiff_t k = 0; k < dimension; ++k) moment[k] -= pushed * job.z[(begin + r) * dimension + k];
    finish_row<kind>(job, begin + r, rows[static_cast<std::size_t>(r)], moment);
  }
}

template <class T, class Body>
void over_rows(const Job<T>& job, std::ptrdiff_t chunk, const Body& body) {
  const comm::SharedLoop loop(job.n, chunk);
  loop.run(body);
  loop.gather_rows(job.out, job.y.d);
  loop.gather_rows(job.log_mass);
}

template <Radial kind, class T>
void run_kind(const Job<T>& job) {
  if (job.y.wide()) {
    const std::vector<T> squares = squared_norms(job.z, job.n, job.y.d, job.n);
    over_rows(job, wide_rows(job.y.stride),
              [&](std::ptrdiff_t begin, std::ptrdiff_t end) { wide_chunk<kind>(job, squares, begin, end); });
    return;
  }
  over_rows(job, 16 * tile_rows,
            [&](std::ptrdiff_t begin, std::ptrdiff_t end) { narrow_chunk<kind>(job, begin, end); });
}

template <class T>
void run(Radial radial, T scale, SelfPair self, const T* z, std::ptrdiff_t n, const Cloud<T>& y, T* out,
         T* log_mass) {
  const Job<T> job{scale, self, z, n, y, out, log_mass};
  switch (radial) {
    case Radial::gaussian:
      return run_kind<Radial::gaussian>(job);
    case Radial::laplace:
      return run_kind<Radial::laplace>(job);
    case Radial::laplace_gradient:
      return run_kind<Radial::laplace_gradient>(job);
    case Radial::sharp:
      return run_kind<Radial::sharp>(job);
  }
}

STARLING_INSTANTIATE(run);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(run);

template <class T>
void mean_shift(Radial radial, double scale, SelfPair self, const T* z, std::ptrdiff_t n, const T* y,
                std::ptrdiff_t m, std::ptrdiff_t d, T* out, T* log_mass) {
  if (n == 0) return;
  const std::vector<T> centre = mean_point(y, m, d);
  const Cloud<T> cloud = pack(y, m, d, centre.data());
  const std::vector<T> rows = centred(z, n, d, centre.data(), n);
  STARLING_DISPATCH(T, run)(radial, static_cast<T>(scale), self, rows.data(), n, cloud, out, log_mass);
}

template void mean_shift(Radial, double, SelfPair, const float*, std::ptrdiff_t, const float*, std::ptrdiff_t,
                         std::ptrdiff_t, float*, float*);
template void mean_shift(Radial, double, SelfPair, const double*, std::ptrdiff_t, const double*,
                         std::ptrdiff_t, std::ptrdiff_t, double*, double*);

}  // namespace starling::kernels
#endif
