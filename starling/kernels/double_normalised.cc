// Highway compiles the body of this file once for every target and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "starling/kernels/double_normalised.cc"
#include <hwy/foreach_target.h>  // must come before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/normalisers.h"
#include "starling/kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

template <class T>
struct RowPointers {
  const T* z[tile_rows];
};

// Distances of four rows to one tile of columns, with the diagonal's surcharge.
template <class T>
struct Distances {
  const AffinityRule& rule;
  const T* x;
  std::ptrdiff_t n;
  RowPointers<T> rows(std::ptrdiff_t row, std::ptrdiff_t d) const {
    RowPointers<T> p;
    for (std::ptrdiff_t r = 0; r < tile_rows; ++r) p.z[r] = x + std::min(row + r, n - 1) * d;
    return p;
  }
  HWY_INLINE void fill(const RowPointers<T>& p, std::ptrdiff_t row, const ColumnBlock<T>& block,
                       std::ptrdiff_t column, std::ptrdiff_t width, Tile<T>& tile) const {
    fill_distances<true>(p.z, block.cloud, column, width, static_cast<T>(rule.least_distance), tile);
    if (!block.own) return;
    for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
      const std::ptrdiff_t j = row + r - column;
      if (j < 0 || j >= width) continue;
      const double sum =
          std::min(static_cast<double>(tile.value[r][j]) + rule.diagonal, static_cast<double>(far_away<T>));
      tile.value[r][j] = static_cast<T>(sum);
    }
  }
};

template <class T>
using Blocks = std::vector<ColumnBlock<T>>;

// Visits every tile of four rows: visit(block, column, width), the tile filled with distances.
template <class T, class Visit>
HWY_INLINE void for_each_tile(const Distances<T>& distances, const Blocks<T>& blocks, std::ptrdiff_t row,
                              Tile<T>& tile, Visit&& visit) {
  const RowPointers<T> p = distances.rows(row, blocks.front().cloud.d);
  for (const ColumnBlock<T>& block : blocks) {
    for (std::ptrdiff_t column = 0; column < block.cloud.stride; column += tile_columns) {
      const std::ptrdiff_t width = tile_width(block.cloud, column);
      distances.fill(p, row, block, column, width, tile);
      visit(block, column, width);
    }
  }
}

// Pass 0, only where the plain sums would underflow: the nearest distance of each row and column.
template <class T>
void find_nearest(const Distances<T>& distances, const Blocks<T>& blocks, std::ptrdiff_t begin,
                  std::ptrdiff_t end, Normalisers<T>& normalisers, T* column_nearest) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  Tile<T> tile;
  for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
    const std::ptrdiff_t real_rows = std::min(tile_rows, end - row);
    T* shifts = normalisers.row_shift.data() + row;
    std::fill(shifts, shifts + real_rows, far_away<T>);
    for_each_tile(distances, blocks, row, tile,
                  [&](const ColumnBlock<T>& block, std::ptrdiff_t column, std::ptrdiff_t width) {
                    T* nearest = column_nearest + block.offset + column;
                    for (std::ptrdiff_t r = 0; r < real_rows; ++r) {
                      auto least = hn::Set(d, far_away<T>);
                      for (std::ptrdiff_t j = 0; j < width; j += lanes) {
                        const auto x = hn::Load(d, tile.value[r] + j);
                        least = hn::Min(least, x);
                        hn::StoreU(hn::Min(hn::LoadU(d, nearest + j), x), d, nearest + j);
                      }
                      shifts[r] = std::min(shifts[r], hn::GetLane(hn::MinOfLanes(d, least)));
                    }
                  });
  }
}

// Pass 1. Row sums and column sums of exp(-(D - shift) / temperature). The rows of one chunk add to the
// chunk's own column sums, and chunks are added in order afterwards.
template <bool Shifted, class T>
void sum_exponentials(const Distances<T>& distances, const Blocks<T>& blocks, std::ptrdiff_t begin,
                      std::ptrdiff_t end, Normalisers<T>& normalisers, T* column_sums) {
  const hn::ScalableTag<T> d;
  const std::ptrdiff_t lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const auto rate = hn::Set(d, static_cast<T>(-1 / distances.rule.temperature));
  Tile<T> tile;
  for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
    const std::ptrdiff_t real_rows = std::min(tile_rows, end - row);
    T* row_sums = normalisers.row_sum.data() + row;
    std::fill(row_sums, row_sums + real_rows, T(0));
    for_each_tile(distances, blocks, row, tile,
                  [&](const ColumnBlock<T>& block, std::ptrdiff_t column, std::ptrdiff_t width) {
                    T* sums = column_sums + block.offset + column;
                    const T* nearest = normalisers.column_shift.data() + block.offset + column;
                    for (std::ptrdiff_t r = 0; r < real_rows; ++r) {
                      const auto row_shift =
                          hn::Set(d, normalisers.row_shift[static_cast<std::size_t>(row + r)]);
                      auto sum = hn::Zero(d);
                      for (std::ptrdiff_t j = 0; j < width; j += lanes) {
                        auto x = hn::Load(d, tile.value[r] + j);
                        auto e = exp_of_nonpositive(d, hn::Mul(Shifted ? hn::Sub(x, row_shift) : x, rate));
                        sum = hn::Add(sum, e);
                        if constexpr (Shifted) {
                          e = exp_of_nonpositive(d, hn::Mul(hn::Sub(x, hn::LoadU(d, nearest + j)), rate));
                        }
                        hn::StoreU(hn::Add(hn::LoadU(d, sums + j), e), d, sums + j);
                      }
                      row_sums[r] += hn::GetLane(hn::SumOfLanes(d, sum));
                    }
                  });
  }
}

// Replaces the distances of row r of a tile by affinities times column weights; returns their sum.
template <class T>
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
    // An affinity is at most 1; the minimum only removes what rounding adds.
    const auto exponent = hn::Min(hn::Zero(d), hn::MulAdd(hn::Load(d, value + j), rate, bias));
    const auto a = hn::Mul(hn::Max(exp_of_nonpositive(d, exponent), floor), hn::LoadU(d, weight + j));
    sum = hn::Add(sum, a);
    hn::Store(a, d, value + j);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// Pass 2. Affinities from the logarithms of the normalisers, one exponential a pair, and the two weighted
// means.
template <class T>
void weigh_and_push(const Distances<T>& distances, const Blocks<T>& blocks, const Normalisers<T>& normalisers,
                    const T* column_weight, std::ptrdiff_t begin, std::ptrdiff_t end, T* out) {
  const std::ptrdiff_t dimension = blocks.front().cloud.d;
  std::vector<T> moments(static_cast<std::size_t>(2 * tile_rows * dimension));
  Tile<T> tile;
  for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
    std::fill(moments.begin(), moments.end(), T(0));
    const RowPointers<T> z = distances.rows(row, dimension);
    T mass[2][tile_rows] = {};
    for_each_tile(distances, blocks, row, tile,
                  [&](const ColumnBlock<T>& block, std::ptrdiff_t column, std::ptrdiff_t width) {
                    const std::ptrdiff_t first = block.offset + column;
                    T* sums[tile_rows];
                    for (std::ptrdiff_t r = 0; r < tile_rows; ++r) {
                      const auto i = static_cast<std::size_t>(std::min(row + r, distances.n - 1));
                      sums[r] = moments.data() + (block.side * tile_rows + r) * dimension;
                      mass[block.side][r] += weigh_row(distances.rule, normalisers.row_half_log[i],
                                                       normalisers.column_half_log.data() + first,
                                                       column_weight + first, width, tile.value[r]);
                    }
                    accumulate_moments<false>(tile, z.z, block.cloud, column, width, sums);
                  });
    for (std::ptrdiff_t r = 0; r < std::min(tile_rows, end - row); ++r) {
      for (std::ptrdiff_t k = 0; k < dimension; ++k) {
        const T negative = moments[static_cast<std::size_t>(r * dimension + k)];
        const T positive = moments[static_cast<std::size_t>((tile_rows + r) * dimension + k)];
        out[(row + r) * dimension + k] = positive * mass[0][r] - negative * mass[1][r];
      }
    }
  }
}

// Rows in at most 16 chunks, whatever the number of threads: bounds the memory of the chunks' column sums.
inline std::ptrdiff_t rows_per_chunk(std::ptrdiff_t n) {
  constexpr std::ptrdiff_t chunks = 16;
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
// chunk order.
template <class T, class Pass, class Fold>
void columns_in_chunks(std::ptrdiff_t n, std::size_t columns, T start, std::vector<T>& total, Pass&& pass,
                       Fold&& fold) {
  const std::ptrdiff_t chunk = rows_per_chunk(n);
  std::vector<T> partial(static_cast<std::size_t>((n + chunk - 1) / chunk) * columns, start);
  base::parallel_chunks(n, chunk, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    pass(begin, end, partial.data() + static_cast<std::size_t>(begin / chunk) * columns);
  });
  total.assign(columns, start);
  for (std::size_t p = 0; p < partial.size(); ++p) total[p % columns] = fold(total[p % columns], partial[p]);
}

template <class T>
void normalise(const Distances<T>& distances, const Blocks<T>& blocks, const T* column_weight,
               Normalisers<T>& s) {
  const std::size_t columns = s.column_shift.size();
  const auto add = [](T a, T b) { return a + b; };
  const auto sums = [&](auto shifted) {
    columns_in_chunks(
        distances.n, columns, T(0), s.column_sum,
        [&](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
          sum_exponentials<decltype(shifted)::value>(distances, blocks, begin, end, s, partial);
        },
        add);
  };
  sums(std::false_type());
  // Plain sums are exact enough until they near the smallest numbers; then each row and column gets its own
  // shift.
  const T least = sizeof(T) == 4 ? T(1e-30) : T(1e-280);
  bool enough = *std::min_element(s.row_sum.begin(), s.row_sum.end()) > least;
  for (std::size_t j = 0; j < columns; ++j)
    enough = enough && (s.column_sum[j] > least || column_weight[j] == T(0));
  if (!enough) {
    columns_in_chunks(
        distances.n, columns, far_away<T>, s.column_shift,
        [&](std::ptrdiff_t begin, std::ptrdiff_t end, T* partial) {
          find_nearest(distances, blocks, begin, end, s, partial);
        },
        [](T a, T b) { return std::min(a, b); });
    sums(std::true_type());
  }
  half_logs(s.row_sum, s.row_shift, distances.rule.temperature, s.row_half_log);
  half_logs(s.column_sum, s.column_shift, distances.rule.temperature, s.column_half_log);
}

template <class T>
void run(const AffinityRule& rule, const T* x, std::ptrdiff_t n, const Blocks<T>& blocks,
         const T* column_weight, Normalisers<T>& normalisers, T* out) {
  const Distances<T> distances{rule, x, n};
  normalise(distances, blocks, column_weight, normalisers);
  base::parallel_chunks(n, rows_per_chunk(n), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    weigh_and_push(distances, blocks, normalisers, column_weight, begin, end, out);
  });
}

template <class T>
double distance_sum(const AffinityRule& rule, const T* x, std::ptrdiff_t n, const Blocks<T>& blocks,
                    const T* column_weight) {
  const Distances<T> distances{rule, x, n};
  std::vector<double> row_sums(static_cast<std::size_t>(n));
  base::parallel_chunks(n, rows_per_chunk(n), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    Tile<T> tile;
    for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
      for_each_tile(distances, blocks, row, tile,
                    [&](const ColumnBlock<T>& block, std::ptrdiff_t column, std::ptrdiff_t width) {
                      const T* weight = column_weight + block.offset + column;
                      const std::ptrdiff_t real = std::min(width, block.cloud.n - column);
                      for (std::ptrdiff_t r = 0; r < std::min(tile_rows, end - row); ++r) {
                        double sum = 0;
                        for (std::ptrdiff_t j = 0; j < real; ++j) {
                          sum += static_cast<double>(weight[j]) * static_cast<double>(tile.value[r][j]);
                        }
                        row_sums[static_cast<std::size_t>(row + r)] += sum;
                      }
                    });
    }
  });
  double total = 0;
  for (const double sum : row_sums) total += sum;
  return total;
}

void run_float(const AffinityRule& rule, const float* x, std::ptrdiff_t n, const Blocks<float>& blocks,
               const float* weight, Normalisers<float>& normalisers, float* out) {
  run(rule, x, n, blocks, weight, normalisers, out);
}
void run_double(const AffinityRule& rule, const double* x, std::ptrdiff_t n, const Blocks<double>& blocks,
                const double* weight, Normalisers<double>& normalisers, double* out) {
  run(rule, x, n, blocks, weight, normalisers, out);
}
double distance_sum_float(const AffinityRule& rule, const float* x, std::ptrdiff_t n,
                          const Blocks<float>& blocks, const float* weight) {
  return distance_sum(rule, x, n, blocks, weight);
}
double distance_sum_double(const AffinityRule& rule, const double* x, std::ptrdiff_t n,
                           const Blocks<double>& blocks, const double* weight) {
  return distance_sum(rule, x, n, blocks, weight);
}

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace starling::kernels {

HWY_EXPORT(run_float);
HWY_EXPORT(run_double);
HWY_EXPORT(distance_sum_float);
HWY_EXPORT(distance_sum_double);

namespace {

// The columns [x; negatives; data] as padded blocks around one centre, and their weights: 0 on the padding.
template <class T>
struct Columns {
  std::vector<T> centre, rows, weight;
  std::vector<ColumnBlock<T>> blocks;

  Columns(const T* x, std::ptrdiff_t n, const T* others, std::ptrdiff_t m, std::ptrdiff_t negatives,
          std::ptrdiff_t d, const T* weights)
      : centre(m > negatives ? mean_point(others + negatives * d, m - negatives, d) : mean_point(x, n, d)),
        rows(x, x + n * d) {
    for (std::size_t p = 0; p < rows.size(); ++p) rows[p] -= centre[p % static_cast<std::size_t>(d)];
    add(x, n, d, true, 0, weights);
    add(others, negatives, d, false, 0, weights == nullptr ? nullptr : weights + n);
    add(others + negatives * d, m - negatives, d, false, 1,
        weights == nullptr ? nullptr : weights + n + negatives);
  }

 private:
  void add(const T* points, std::ptrdiff_t count, std::ptrdiff_t d, bool own, int side, const T* weights) {
    blocks.push_back(
        {pack(points, count, d, centre.data()), static_cast<std::ptrdiff_t>(weight.size()), own, side});
    for (std::ptrdiff_t j = 0; j < blocks.back().cloud.stride; ++j) {
      weight.push_back(j >= count ? T(0) : weights == nullptr ? T(1) : weights[j]);
    }
  }
};

}  // namespace

template <class T>
void double_normalised(const AffinityRule& rule, const T* x, std::ptrdiff_t n, const T* others,
                       std::ptrdiff_t m, std::ptrdiff_t negatives, std::ptrdiff_t d, const T* weights,
                       T* out) {
  if (n == 0) return;
  const Columns<T> columns(x, n, others, m, negatives, d, weights);
  const auto rows = static_cast<std::size_t>(n);
  const std::size_t width = columns.weight.size();
  Normalisers<T> normalisers{std::vector<T>(rows),  std::vector<T>(rows),  std::vector<T>(rows),
                             std::vector<T>(width), std::vector<T>(width), std::vector<T>(width)};
  if constexpr (sizeof(T) == 4) {
    HWY_DYNAMIC_DISPATCH(run_float)
    (rule, columns.rows.data(), n, columns.blocks, columns.weight.data(), normalisers, out);
  } else {
    HWY_DYNAMIC_DISPATCH(run_double)
    (rule, columns.rows.data(), n, columns.blocks, columns.weight.data(), normalisers, out);
  }
  // Both means were taken around the centre c; (y - c) S - (x - c) S' has the same weights on both sides, so
  // c drops out.
}

template <class T>
double weighted_distance_sum(const T* x, std::ptrdiff_t n, const T* others, std::ptrdiff_t m,
                             std::ptrdiff_t d, const T* weights, double least_distance) {
  if (n == 0) return 0;
  const Columns<T> columns(x, n, others, m, 0, d, weights);
  AffinityRule rule;
  rule.diagonal = 0;
  rule.least_distance = least_distance;
  if constexpr (sizeof(T) == 4) {
    return HWY_DYNAMIC_DISPATCH(distance_sum_float)(rule, columns.rows.data(), n, columns.blocks,
                                                    columns.weight.data());
  } else {
    return HWY_DYNAMIC_DISPATCH(distance_sum_double)(rule, columns.rows.data(), n, columns.blocks,
                                                     columns.weight.data());
  }
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
