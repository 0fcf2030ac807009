// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/mean_shift.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/kernels/mean_shift.h"
#include "starling/kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

// Four rows of z: their coordinates and what has been summed for them. A missing row repeats the last real
// one.
template <class T>
struct Rows {
  const T* z[tile_rows];
  T* moments[tile_rows];
  T nearest[tile_rows];
  T mass[tile_rows] = {};
};

template <class T>
HWY_INLINE void exclude_self(std::ptrdiff_t row, std::ptrdiff_t column, std::ptrdiff_t width, Tile<T>& tile) {
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
    const std::ptrdiff_t j = row + r - column;
    if (j >= 0 && j < width) tile.value[r][j] = far_away<T>;
  }
}

// Replaces distances by pushes b, and adds to the masses Σ a.
template <Radial kind, class T>
HWY_INLINE void weigh(T scale, std::ptrdiff_t width, Tile<T>& tile, Rows<T>& rows) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const T rate = kind == Radial::gaussian ? T(-1) / (T(2) * scale * scale) : T(-1) / scale;
  const auto c = hn::Set(d, rate);
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
    T* value = tile.value[r];
    const auto nearest = hn::Set(d, rows.nearest[r]);
    auto mass = hn::Zero(d);
    for (std::ptrdiff_t j = 0; j < width; j += lanes) {
      const auto x = hn::Load(d, value + j);
      const auto e = exp_of_nonpositive(d, hn::Mul(hn::Sub(x, nearest), c));
      auto b = e;
      if constexpr (kind == Radial::laplace_gradient) {
        const auto zero = hn::Eq(x, hn::Zero(d));
        b = hn::IfThenZeroElse(
            zero, hn::Div(e, hn::Mul(hn::IfThenElse(zero, hn::Set(d, T(1)), x), hn::Set(d, scale))));
      }
      if constexpr (kind == Radial::sharp) {
        b = hn::Mul(e, hn::Set(d, T(1) / (scale * scale)));
        mass = hn::Add(mass, hn::MulAdd(hn::Mul(x, hn::Set(d, T(1) / scale)), e, e));
      } else {
        mass = hn::Add(mass, e);
      }
      hn::Store(b, d, value + j);
    }
    rows.mass[r] += hn::GetLane(hn::SumOfLanes(d, mass));
  }
}

template <class T>
HWY_INLINE void find_nearest(std::ptrdiff_t width, const Tile<T>& tile, Rows<T>& rows) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
    auto least = hn::Load(d, tile.value[r]);
    for (std::ptrdiff_t j = lanes; j < width; j += lanes)
      least = hn::Min(least, hn::Load(d, tile.value[r] + j));
    rows.nearest[r] = std::min(rows.nearest[r], hn::GetLane(hn::MinOfLanes(d, least)));
  }
}

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

template <Radial kind, class T>
void four_rows(const Job<T>& job, std::ptrdiff_t row, std::vector<T>& scratch) {
  constexpr bool root = kind != Radial::gaussian;
  const std::ptrdiff_t dimension = job.y.d;
  Rows<T> rows;
  std::fill(scratch.begin(), scratch.end(), T(0));
  for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
    rows.z[r] = job.z + std::min(row + r, job.n - 1) * dimension;
    rows.moments[r] = scratch.data() + r * dimension;
    rows.nearest[r] = far_away<T>;
  }
  Tile<T> tile;
  const auto distances = [&](std::ptrdiff_t column, std::ptrdiff_t width) {
    fill_distances<root>(rows.z, job.y, column, width, T(0), tile);
    if (job.self == SelfPair::excluded) exclude_self(row, column, width, tile);
  };
  for (std::ptrdiff_t column = 0; column < job.y.stride; column += tile_columns) {
    const std::ptrdiff_t width = tile_width(job.y, column);
    distances(column, width);
    find_nearest(width, tile, rows);
  }
  for (std::ptrdiff_t column = 0; column < job.y.stride; column += tile_columns) {
    const std::ptrdiff_t width = tile_width(job.y, column);
    if (job.y.stride > tile_columns) {
      distances(column, width);  // a single tile still holds them
    }
    weigh<kind>(job.scale, width, tile, rows);
    accumulate_moments<true>(tile, rows.z, job.y, column, width, rows.moments);
  }
  for (std::ptrdiff_t r = 0; r < std::min(tile_rows, job.n - row); ++r) {
    const bool empty = !(rows.nearest[r] < far_away<T>);
    for (std::ptrdiff_t k = 0; k < dimension; ++k) {
      job.out[(row + r) * dimension + k] = empty ? T(0) : rows.moments[r][k] / rows.mass[r];
    }
    if (job.log_mass != nullptr) {
      const T shift = kind == Radial::gaussian ? -rows.nearest[r] / (2 * job.scale * job.scale)
                                               : -rows.nearest[r] / job.scale;
      job.log_mass[row + r] = empty ? -std::numeric_limits<T>::infinity() : shift + std::log(rows.mass[r]);
    }
  }
}

template <class T>
void run(Radial radial, const Job<T>& job) {
  constexpr std::ptrdiff_t rows_per_chunk = 16 * tile_rows;
  base::parallel_chunks(job.n, rows_per_chunk, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    std::vector<T> scratch(static_cast<std::size_t>(tile_rows * job.y.d));
    for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
      switch (radial) {
        case Radial::gaussian:
          four_rows<Radial::gaussian>(job, row, scratch);
          break;
        case Radial::laplace:
          four_rows<Radial::laplace>(job, row, scratch);
          break;
        case Radial::laplace_gradient:
          four_rows<Radial::laplace_gradient>(job, row, scratch);
          break;
        case Radial::sharp:
          four_rows<Radial::sharp>(job, row, scratch);
          break;
      }
    }
  });
}

void run_float(Radial radial, float scale, SelfPair self, const float* z, std::ptrdiff_t n,
               const Cloud<float>& y, float* out, float* log_mass) {
  run(radial, Job<float>{scale, self, z, n, y, out, log_mass});
}
void run_double(Radial radial, double scale, SelfPair self, const double* z, std::ptrdiff_t n,
                const Cloud<double>& y, double* out, double* log_mass) {
  run(radial, Job<double>{scale, self, z, n, y, out, log_mass});
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

HWY_EXPORT(run_float);
HWY_EXPORT(run_double);

template <class T>
void mean_shift(Radial radial, double scale, SelfPair self, const T* z, std::ptrdiff_t n, const T* y,
                std::ptrdiff_t m, std::ptrdiff_t d, T* out, T* log_mass) {
  if (n == 0) return;
  const std::vector<T> centre = mean_point(y, m, d);
  const Cloud<T> cloud = pack(y, m, d, centre.data());
  std::vector<T> centred(z, z + n * d);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    for (std::ptrdiff_t k = 0; k < d; ++k)
      centred[static_cast<std::size_t>(i * d + k)] -= centre[static_cast<std::size_t>(k)];
  }
  const T s = static_cast<T>(scale);
  if constexpr (sizeof(T) == 4) {
    HWY_DYNAMIC_DISPATCH(run_float)(radial, s, self, centred.data(), n, cloud, out, log_mass);
  } else {
    HWY_DYNAMIC_DISPATCH(run_double)(radial, s, self, centred.data(), n, cloud, out, log_mass);
  }
}

template void mean_shift(Radial, double, SelfPair, const float*, std::ptrdiff_t, const float*, std::ptrdiff_t,
                         std::ptrdiff_t, float*, float*);
template void mean_shift(Radial, double, SelfPair, const double*, std::ptrdiff_t, const double*,
                         std::ptrdiff_t, std::ptrdiff_t, double*, double*);

}  // namespace starling::kernels
#endif
