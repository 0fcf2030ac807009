// The distance matrix of a doubly normalised field, tile by tile. Included once per target, inside
// foreach_target.
#if defined(STARLING_KERNELS_DISTANCES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STARLING_KERNELS_DISTANCES_INL_H_
#undef STARLING_KERNELS_DISTANCES_INL_H_
#else
#define STARLING_KERNELS_DISTANCES_INL_H_
#endif

#include <algorithm>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/kernels/double_normalised.h"
#include "starling/kernels/normalisers.h"
#include "starling/kernels/scratch.h"
#include "starling/kernels/tile-inl.h"
#include "starling/math/symmetric_product.h"

HWY_BEFORE_NAMESPACE();
namespace starling::kernels::HWY_NAMESPACE {

/// A tile of distances, and where it lies.
template <class T>
struct BlockTile : Tile<T> {
  const ColumnBlock<T>* block;
  std::ptrdiff_t first_row, real_rows;  // a narrow tile may compute rows past the last
  std::ptrdiff_t first() const { return block->offset + this->column; }
};

/// |x_i - t_j| + diagonal surcharge, for rows x and columns T. Narrow clouds compute four rows and 256
/// columns at a time. Wide ones compute some rows of a whole block by a matrix product, and keep the matrix
/// between the passes while it fits 64 MiB: the product costs more than all else.
template <class T>
class DistanceTiles {
 public:
  DistanceTiles(const AffinityRule& rule, const Columns<T>& columns) : rule_(rule), columns_(columns) {
    const std::size_t all = static_cast<std::size_t>(columns.n) * columns.weight.size();
    if (columns.d < wide_dimension || all > kept_bytes / sizeof(T)) return;
    kept_ = Scratch<T>(all);
    keep();
  }

  const AffinityRule& rule() const { return rule_; }
  const Columns<T>& columns() const { return columns_; }

  /// visit(BlockTile) for every tile of the rows [begin, end); the visitor may overwrite its values, once in
  /// the last pass.
  template <class Visit>
  HWY_INLINE void visit(std::ptrdiff_t begin, std::ptrdiff_t end, Visit&& visit) const {
    if (columns_.d < wide_dimension) return visit_narrow(begin, end, visit);
    const std::ptrdiff_t rows = rows_of_tiles();
    const Scratch<T> room(kept_.empty() ? static_cast<std::size_t>(rows * widest()) : 0);
    for (std::ptrdiff_t row = begin; row < end; row += rows) {
      const std::ptrdiff_t stop = std::min(end, row + rows);
      for (const ColumnBlock<T>& block : columns_.blocks) {
        if (!kept_.empty()) {
          visit(wide_tile(block, row, stop, 0, kept(block, row)));
          continue;
        }
        const BlockTile<T> tile = wide_tile(block, row, stop, 0, room.data());
        fill(tile);
        visit(tile);
      }
    }
  }

  /// moment (rows, d) += the tile's values times the block's points.
  HWY_INLINE void accumulate(const BlockTile<T>& tile, T* moment) const {
    const Cloud<T>& cloud = tile.block->cloud;
    if (cloud.wide()) {
      math::product(tile.rows, cloud.stride, cloud.d, tile.value, cloud.rows.data(), moment, math::Into::add);
      return;
    }
    T* sums[tile_rows];
    for (std::ptrdiff_t r = 0; r < tile_rows; ++r) sums[r] = moment + r * cloud.d;
    accumulate_moments<false>(tile, RowPointers<T>(columns_.rows.data(), tile.first_row, columns_.n, cloud.d),
                              cloud, sums);
  }

 private:
  static constexpr std::size_t kept_bytes = std::size_t{64} << 20;

  std::ptrdiff_t rows_of_tiles() const {
    return wide_rows(static_cast<std::ptrdiff_t>(columns_.weight.size()));
  }

  // The distances among the rows themselves are computed once a pair.
  void keep() const {
    base::parallel_chunks(columns_.n, rows_of_tiles(), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
      for (const ColumnBlock<T>& block : columns_.blocks)
        fill(wide_tile(block, begin, end, block.own ? begin : 0, kept(block, begin)));
    });
    for (const ColumnBlock<T>& block : columns_.blocks) {
      if (!block.own) continue;
      base::parallel_chunks(columns_.n, rows_of_tiles(), [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        math::mirror_upper(begin, end, block.cloud.stride, kept(block, 0));
      });
    }
  }

  std::ptrdiff_t widest() const {
    std::ptrdiff_t most = 0;
    for (const ColumnBlock<T>& block : columns_.blocks) most = std::max(most, block.cloud.stride);
    return most;
  }

  T* kept(const ColumnBlock<T>& block, std::ptrdiff_t row) const {
    return kept_.data() + columns_.n * block.offset + row * block.cloud.stride;
  }

  // `row` points to column 0 of row `begin`.
  static BlockTile<T> wide_tile(const ColumnBlock<T>& block, std::ptrdiff_t begin, std::ptrdiff_t end,
                                std::ptrdiff_t column, T* row) {
    const std::ptrdiff_t stride = block.cloud.stride;
    return {{row + column, stride, end - begin, column, stride - column}, &block, begin, end - begin};
  }

  void fill(const BlockTile<T>& tile) const {
    fill_wide<true>(columns_.rows.data() + tile.first_row * columns_.d,
                    columns_.squares.data() + tile.first_row, tile.block->cloud,
                    static_cast<T>(rule_.least_distance), tile);
    surcharge(tile);
  }

  template <class Visit>
  HWY_INLINE void visit_narrow(std::ptrdiff_t begin, std::ptrdiff_t end, Visit&& visit) const {
    TileRoom<T> room;
    for (std::ptrdiff_t row = begin; row < end; row += tile_rows) {
      const RowPointers<T> pointers(columns_.rows.data(), row, columns_.n, columns_.d);
      for (const ColumnBlock<T>& block : columns_.blocks) {
        for (std::ptrdiff_t column = 0; column < block.cloud.stride; column += tile_columns) {
          const BlockTile<T> tile{
              {room.value, tile_columns, tile_rows, column, tile_width(block.cloud, column)},
              &block,
              row,
              std::min(tile_rows, end - row)};
          fill_narrow<true>(pointers, block.cloud, static_cast<T>(rule_.least_distance), tile);
          surcharge(tile);
          visit(tile);
        }
      }
    }
  }

  HWY_INLINE void surcharge(const BlockTile<T>& tile) const {
    if (!tile.block->own) return;
    for (std::ptrdiff_t r = 0; r < tile.real_rows; ++r) {
      const std::ptrdiff_t j = tile.first_row + r - tile.column;
      if (j < 0 || j >= tile.width) continue;
      // The distance of a point to itself is 0, whatever rounding says.
      tile.row(r)[j] =
          static_cast<T>(std::min(rule_.least_distance + rule_.diagonal, static_cast<double>(far_away<T>)));
    }
  }

  const AffinityRule& rule_;
  const Columns<T>& columns_;
  Scratch<T> kept_;
};

}  // namespace starling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
