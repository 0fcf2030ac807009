// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/double_normalised.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "starling/comm/shared_loop.h"
#include "starling/kernels/distances-inl.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/normalisers.h"
#include "starling/simd/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

// Calls visit<R>(r) for the rows of a tile by fours, then one by one.
template <class Visit>
HWY_INLINE void rows_by_four(std::ptrdiff_t rows, Visit&& visit) {
  std::ptrdiff_t r = 0;
  for (; r + tile_rows <= rows; r += tile_rows) visit(std::integral_constant<int, tile_rows>(), r);
  for (; r < rows; ++r) visit(std::integral_constant<int, 1>(), r);
}

// Pass 0, only where the plain sums would underflow: the nearest distance of each row and column.
template <class T>
void find_nearest(const DistanceTiles<T>& distances, std::ptrdiff_t begin, std::ptrdiff_t end,
                  Normalisers<T>& normalisers, T* column_nearest) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  std::fill(normalisers.row_shift.data() + begin, normalisers.row_shift.data() + end, far_away<T>);
  distances.visit(begin, end, [&](const BlockTile<T>& tile) {
    T* nearest = column_nearest + tile.first();
    for (std::ptrdiff_t r = 0; r < tile.real_rows; ++r) {
      auto least = hn::Set(d, far_away<T>);
      for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
        const auto x = hn::LoadU(d, tile.row(r) + j);
        least = hn::Min(least, x);
        hn::StoreU(hn::Min(hn::LoadU(d, nearest + j), x), d, nearest + j);
      }
      T& shift = normalisers.row_shift[static_cast<std::size_t>(tile.first_row + r)];
      shift = std::min(shift, hn::GetLane(hn::MinOfLanes(d, least)));
    }
  });
}

// Adds exp(-(D - shift) / temperature) of R rows of a tile to their row sums and to the column sums.
template <bool Shifted, int R, class T>
HWY_INLINE void sum_rows(const BlockTile<T>& tile, std::ptrdiff_t first, T inverse_temperature,
                         Normalisers<T>& normalisers, T* column_sums) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto rate = hn::Set(d, -inverse_temperature);
  const T* shifts = normalisers.row_shift.data() + tile.first_row + first;
  const T* nearest = normalisers.column_shift.data() + tile.first();
  T* sums = column_sums + tile.first();
  hn::Vec<decltype(d)> row_sum[R];
  for (int r = 0; r < R; ++r) row_sum[r] = hn::Zero(d);
  for (std::ptrdiff_t j = 0; j < tile.width; j += lanes) {
    auto column_sum = hn::LoadU(d, sums + j);
    for (int r = 0; r < R; ++r) {
      const auto x = hn::LoadU(d, tile.row(first + r) + j);
      auto e = exp_of_nonpositive(d, hn::Mul(Shifted ? hn::Sub(x, hn::Set(d, shifts[r])) : x, rate));
      row_sum[r] = hn::Add(row_sum[r], e);
      if constexpr (Shifted) e = exp_of_nonpositive(d, hn::Mul(hn::Sub(x, hn::LoadU(d, nearest + j)), rate));
      column_sum = hn::Add(column_sum, e);
    }
    hn::StoreU(column_sum, d, sums + j);
  }
  for (int r = 0; r < R; ++r) {
    normalisers.row_sum[static_cast<std::size_t>(tile.first_row + first + r)] +=
        hn::GetLane(hn::SumOfLanes(d, row_sum[r]));
  }
}

// Pass 1. Row sums and column sums. The rows of one chunk add to the chunk's own column sums, and chunks are
// added in order afterwards.
template <bool Shifted, class T>
void sum_exponentials(const DistanceTiles<T>& distances, std::ptrdiff_t begin, std::ptrdiff_t end,
                      Normalisers<T>& normalisers, T* column_sums) {
  const T rate = static_cast<T>(1 / distances.rule().temperature);
  std::fill(normalisers.row_sum.data() + begin, normalisers.row_sum.data() + end, T(0));
  distances.visit(begin, end, [&](const BlockTile<T>& tile) {
    rows_by_four(tile.real_rows, [&](auto count, std::ptrdiff_t r) {
      sum_rows<Shifted, decltype(count)::value>(tile, r, rate, normalisers, column_sums);
    });
  });
}

// Replaces the distances of row r of a tile by affinities, times column weights when Weighted; returns their
// sum. An affinity is exp of its logarithm: one exponential a pair.
template <bool Weighted, class T>
HWY_INLINE T weigh_row(const AffinityRule& rule, T row_half_log, const T* column_half_log, const T* weight,
                       std::ptrdiff_t width, T* value) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto rate = hn::Set(d, static_cast<T>(-1 / rule.temperature));
  const auto floor = hn::Set(d, static_cast<T>(rule.least_affinity));
  const double cap =
      rule.least_normaliser > 0 ? -0.5 * std::log(rule.least_normaliser) : static_cast<double>(far_away<T>);
  const auto most = hn::Set(d, static_cast<T>(cap));
  const auto half_log = hn::Set(d, row_half_log);
  auto sum = hn::Zero(d);
  for (std::ptrdiff_t j = 0; j < width; j += lanes) {
    const auto bias = hn::Min(most, hn::Add(half_log, hn::LoadU(d, column_half_log + j)));
    auto a = exp_of_nonpositive(d, hn::MulAdd(hn::LoadU(d, value + j), rate, bias));
    if constexpr (Weighted) a = hn::Mul(hn::Max(floor, a), hn::LoadU(d, weight + j));
    sum = hn::Add(sum, a);
    hn::StoreU(a, d, value + j);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// What pass 2 sums for some rows: affinities and affinity-weighted points, of each side.
template <class T>
struct Pushes {
  std::ptrdiff_t first_row, d;
  std::vector<T> mass[2], moment[2];
  Pushes(std::ptrdiff_t begin, std::ptrdiff_t rows, std::ptrdiff_t dimension)
      : first_row(begin), d(dimension) {
    for (int side = 0; side < 2; ++side) {
      mass[side].assign(static_cast<std::size_t>(rows), T(0));
      moment[side].assign(static_cast<std::size_t>(rows * d), T(0));
    }
  }
  // Both means were taken around the centre c; (y - c) S - (x - c) S' has the same weights on both sides, so
  // c drops out.
  void write(std::ptrdiff_t rows, T* out) const {
    for (std::ptrdiff_t p = 0; p < rows * d; ++p) {
      const auto at = static_cast<std::size_t>(p), row = static_cast<std::size_t>(p / d);
      out[first_row * d + p] = moment[1][at] * mass[0][row] - moment[0][at] * mass[1][row];
    }
  }
};

// Pass 2. The affinities and the two weighted means.
template <bool Weighted, class T>
void weigh_and_push(const DistanceTiles<T>& distances, const Normalisers<T>& normalisers,
                    std::ptrdiff_t begin, std::ptrdiff_t end, T* out) {
  const Columns<T>& columns = distances.columns();
  // A narrow tile computes whole fours of rows.
  Pushes<T> pushes(begin, end - begin + tile_rows - 1, columns.d);
  distances.visit(begin, end, [&](const BlockTile<T>& tile) {
    const int side = tile.block->side;
    const std::ptrdiff_t local = tile.first_row - begin;
    T* moment = pushes.moment[side].data() + local * columns.d;
    for (std::ptrdiff_t r = 0; r < tile.real_rows; ++r) {
      const auto i = static_cast<std::size_t>(tile.first_row + r);
      pushes.mass[side][static_cast<std::size_t>(local + r)] += weigh_row<Weighted>(
          distances.rule(), normalisers.row_half_log[i], normalisers.column_half_log.data() + tile.first(),
          columns.weight.data() + tile.first(), tile.width, tile.row(r));
    }
    distances.accumulate(tile, moment);
  });
  pushes.write(end - begin, out);
}

// Rows in at most 16 chunks, whatever the number of threads: bounds the memory of the chunks' column sums.
// Wide clouds take 4: a matrix product rearranges all columns for every chunk.
template <class T>
std::ptrdiff_t rows_per_chunk(const Columns<T>& columns) {
  const std::ptrdiff_t n = columns.n, chunks = columns.d < wide_dimension ? 16 : 4;
  return std::max<std::ptrdiff_t>(1, (n + chunks * tile_rows - 1) / (chunks * tile_rows)) * tile_rows;
}

template <class T>
void half_logs(const std::vector<T>& sums, const std::vector<T>& shifts, double temperature,
               std::vector<T>& out) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double sum = static_cast<double>(sums[i]);
    const double log_sum = sum > 0 ? std::log(sum) - static_cast<double>(shifts[i]) / temperature : 0.0;
    out[i] = static_cast<T>(-0.5 * log_sum);
  }
}

// Runs pass(begin, end, partial) for each chunk, with its own row of per-column partials, then folds them in
// chunk order. `rows` is what the pass writes of each row.
template <class T, class Pass, class Fold>
void columns_in_chunks(const Columns<T>& matrix, T start, std::vector<T>& rows, std::vector<T>& total,
                       Pass&& pass, Fold&& fold) {
  const std::ptrdiff_t n = matrix.n, chunk = rows_per_chunk(matrix);
  const std::size_t columns = total.size();
  std::vector<T> partial(static_cast<std::size_t>((n + chunk - 1) / chunk) * columns, start);
  const comm::SharedLoop loop(n, chunk);
  loop.run([&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    pass(begin, end, partial.data() + static_cast<std::size_t>(begin / chunk) * columns);
  });
  loop.gather_rows(rows.data());
  loop.gather_chunks(partial.data(), static_cast<std::ptrdiff_t>(columns));
  total.assign(columns, start);
  for (std::size_t first = 0; first < partial.size(); first += columns) {
    for (std::size_t j = 0; j < columns; ++j) total[j] = fold(total[j], partial[first + j]);
  }
}

template <class T>
void normalise(const DistanceTiles<T>& distances, Normalisers<T>& s) {
  const Columns<T>& columns = distances.columns();
  const auto add = [](T a, T b) { return a + b; };
  const auto sums = [&](auto shifted) {
    columns_in_chunks(
        columns, T(0), s.row_sum, s.column_sum,
        [&](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
          sum_exponentials<decltype(shifted)::value>(distances, begin, end, s, partial);
        },
        add);
  };
  sums(std::false_type());
  // Plain sums are exact enough until they near the smallest numbers; then each row and column gets its own
  // shift.
  const T least = sizeof(T) == 4 ? T(1e-30) : T(1e-280);
  bool enough = *std::min_element(s.row_sum.begin(), s.row_sum.end()) > least;
  for (std::size_t j = 0; j < s.column_sum.size(); ++j)
    enough = enough && (s.column_sum[j] > least || columns.weight[j] == T(0));
  if (!enough) {
    columns_in_chunks(
        columns, far_away<T>, s.row_shift, s.column_shift,
        [&](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
          find_nearest(distances, begin, end, s, partial);
        },
        [](T a, T b) { return std::min(a, b); });
    sums(std::true_type());
  }
  half_logs(s.row_sum, s.row_shift, distances.rule().temperature, s.row_half_log);
  half_logs(s.column_sum, s.column_shift, distances.rule().temperature, s.column_half_log);
}

template <class T>
void run(const AffinityRule& rule, const Columns<T>& columns, T* out) {
  const DistanceTiles<T> distances(rule, columns);
  Normalisers<T> normalisers(static_cast<std::size_t>(columns.n), columns.weight.size());
  normalise(distances, normalisers);
  const bool weighted = columns.weighted || rule.least_affinity > 0;
  const comm::SharedLoop loop(columns.n, rows_per_chunk(columns));
  loop.run([&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    if (weighted) {
      weigh_and_push<true>(distances, normalisers, begin, end, out);
    } else {
      weigh_and_push<false>(distances, normalisers, begin, end, out);
    }
  });
  loop.gather_rows(out, columns.d);
}

template <class T>
double distance_sum(const AffinityRule& rule, const Columns<T>& columns) {
  const DistanceTiles<T> distances(rule, columns);
  std::vector<double> row_sums(static_cast<std::size_t>(columns.n));
  const comm::SharedLoop loop(columns.n, rows_per_chunk(columns));
  loop.run([&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    distances.visit(begin, end, [&](const BlockTile<T>& tile) {
      const T* weight = columns.weight.data() + tile.first();
      const std::ptrdiff_t real = std::min(tile.width, tile.block->cloud.n - tile.column);
      for (std::ptrdiff_t r = 0; r < tile.real_rows; ++r) {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < real; ++j)
          sum += static_cast<double>(weight[j]) * static_cast<double>(tile.row(r)[j]);
        row_sums[static_cast<std::size_t>(tile.first_row + r)] += sum;
      }
    });
  });
  loop.gather_rows(row_sums.data());
  double total = 0;
  for (const double sum : row_sums) total += sum;
  return total;
}

STARLING_INSTANTIATE(run);
STARLING_INSTANTIATE(distance_sum);

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

STARLING_EXPORT(run);
STARLING_EXPORT(distance_sum);

template <class T>
void double_normalised(const AffinityRule& rule, const T* x, std::ptrdiff_t n, const T* others,
                       std::ptrdiff_t m, std::ptrdiff_t negatives, std::ptrdiff_t d, const T* weights,
                       T* out) {
  if (n == 0) return;
  const Columns<T> columns(x, n, others, m, negatives, d, weights);
  STARLING_DISPATCH(T, run)(rule, columns, out);
}

template <class T>
double weighted_distance_sum(const T* x, std::ptrdiff_t n, const T* others, std::ptrdiff_t m,
                             std::ptrdiff_t d, const T* weights, double least_distance) {
  if (n == 0) return 0;
  const Columns<T> columns(x, n, others, m, 0, d, weights);
  AffinityRule rule;
  rule.diagonal = 0;
  rule.least_distance = least_distance;
  return STARLING_DISPATCH(T, distance_sum)(rule, columns);
}

template void double_normalised(const AffinityRule&, const float*, std::ptrdiff_t, const float*,
                                std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const float*, float*);
template void double_normalised(const AffinityRule&, const double*, std::ptrdiff_t, const double*,
                                std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, const double*, double*);
template double weighted_distance_sum(const float*, std::ptrdiff_t, const float*, std::ptrdiff_t,
                                      std::ptrdiff_t, const float*, double);
template double weighted_distance_sum(const double*, std::ptrdiff_t, const double*, std::ptrdiff_t,
                                      std::ptrdiff_t, const double*, double);

}  // namespace starling::kernels
#endif
