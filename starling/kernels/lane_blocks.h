#pragma once
#include <cstddef>

namespace starling::kernels {

// How symmetric matrices lie when every lane holds one: tiles on and below the diagonal, row by row of tiles.

inline constexpr std::ptrdiff_t lane_tile = 4;

/// Where tile (i, j), j <= i, begins, in vectors.
constexpr std::ptrdiff_t lane_block(std::ptrdiff_t i, std::ptrdiff_t j) {
  return (i * (i + 1) / 2 + j) * lane_tile * lane_tile;
}
/// Vectors of a matrix of order `rows`, a multiple of the tile.
constexpr std::ptrdiff_t lane_square(std::ptrdiff_t rows) {
  return lane_block(rows / lane_tile, 0);
}

}  // namespace starling::kernels
