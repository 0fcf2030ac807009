#pragma once
#include <cstddef>

namespace starling::kernels {

/// The radial kernels of a row-normalised field, r = |y - z|. Each has a normaliser a(r) and a push b(r); see
/// MeanShift.
enum class Radial {
  gaussian,          ///< a = b = exp(-r^2 / (2 s^2))
  laplace,           ///< a = b = exp(-r / s)
  laplace_gradient,  ///< a = exp(-r / s), b = a / (s r), 0 at r = 0: the gradient of log Σ exp(-r / s)
  sharp  ///< a = (1 + r / s) exp(-r / s), b = exp(-r / s) / s^2: the gradient of log Σ (1 + r/s) exp(-r/s)
};

/// Which pairs count: all, or all but (i, i) because row i of z is point i of y.
enum class SelfPair { included, excluded };

/// For every z_i: out_i = Σ_j b(r_ij) (y_j - z_i) / Σ_j a(r_ij), streaming over y, memory O(n + m).
///
/// All arrays are row-major: z (n, d), y (m, d), out (n, d). `log_mass` (n) may be null; else it receives
/// log Σ_j a(r_ij). Weights are relative to each row's nearest point, so that no row underflows. m = 0 or a
/// row with its only pair excluded gives out_i = 0 and log_mass_i = -infinity. The bytes do not depend on the
/// number of threads.
template <class T>
void mean_shift(Radial radial, double scale, SelfPair self, const T* z, std::ptrdiff_t n, const T* y,
                std::ptrdiff_t m, std::ptrdiff_t d, T* out, T* log_mass);

}  // namespace starling::kernels
