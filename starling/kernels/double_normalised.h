#pragma once
#include <cstddef>
#include <limits>

namespace starling::kernels {

/// How the doubly normalised affinity A_ij = sqrt(softmax_row · softmax_column) of exp(-D_ij / temperature)
/// is formed.
struct AffinityRule {
  double temperature = 0.05;
  double diagonal = std::numeric_limits<double>::infinity();  ///< added to D_ii; infinity masks the self pair
  double least_distance = 0;                                  ///< D is at least this
  double least_normaliser = 0;  ///< row sum times column sum is at least this (before the root); 0: no clamp
  double least_affinity = 0;    ///< A is at least this, the diagonal included; 0: no floor
};

/// The doubly normalised drifting field of Deng et al.'s drifting models, for n generated points x (n, d)
/// and, as columns of the affinity, T = [x; negatives; y]:
///     out_i = (Σ_{j in y} A_ij y_j)(Σ_{j not in y} A_ij) - (Σ_{j not in y} A_ij t_j)(Σ_{j in y} A_ij),
/// where rows are normalised over all of T and columns over the n rows. `others` (m, d) is [negatives; y]
/// with the first `negatives` rows negative; `weights` (n + m), or null, multiplies the columns of A after
/// the floor. Row-major arrays; streams, memory O(n + m); the bytes do not depend on the number of threads.
template <class T>
void double_normalised(const AffinityRule& rule, const T* x, std::ptrdiff_t n, const T* others,
                       std::ptrdiff_t m, std::ptrdiff_t negatives, std::ptrdiff_t d, const T* weights,
                       T* out);

/// Σ_ij w_j max(|x_i - t_j|, least_distance) over the n x (n + m) pairs of x with T = [x; others]; w = 1 when
/// null.
template <class T>
double weighted_distance_sum(const T* x, std::ptrdiff_t n, const T* others, std::ptrdiff_t m,
                             std::ptrdiff_t d, const T* weights, double least_distance);

}  // namespace starling::kernels
