#pragma once
#include <array>
#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace starling::pinn {

// Solutions to compare with, at pairs of x and t of one length. Error{usage} for t < 0, numbers that are not
// finite, and parameters out of range; Error{numerical} where a quadrature does not settle.

/// u_t + u u_x = nu u_xx with u(x, 0) = -sin(πx): Cole and Hopf's integral, its exponents less their largest,
/// by the trapezoid rule on |z| <= 14, halved until the value settles to 1e-12.
std::vector<double> burgers_reference(std::span<const double> x, std::span<const double> t, double nu);

/// Equations of one periodic axis, by the exponential integrator ETDRK4 (Kassam & Trefethen, SIAM J. Sci.
/// Comput. 26, 2005, 1214-1233) on Fourier modes; values between grid points by the Fourier sum.
enum class SpectralEquation {
  allen_cahn,            ///< u_t = 1e-4 u_xx - 5u³ + 5u on [-1, 1], u(x, 0) = x² cos(πx)
  kuramoto_sivashinsky,  ///< u_t + u u_x + u_xx + u_xxxx = 0 on [0, 32π], u(x, 0) = cos(x/16)(1 + sin(x/16))
  zabusky_kruskal        ///< u_t + u u_x + 0.022² u_xxx = 0 on [-1, 1], u(x, 0) = cos(πx)
};
/// `modes` a power of 2 and `step` in time: 0 picks those at which the solution has ten digits or more while
/// it is not chaotic (4096 and 1/2000, 512 and 1/160, 512 and 1/16000).
std::vector<double> spectral_reference(SpectralEquation equation, std::span<const double> x,
                                       std::span<const double> t, int modes = 0, double step = 0);

/// u_t + 6 u u_x + u_xxx = 0: the soliton 2 sech²(x - 4t + 2).
double kdv_soliton(double x, double t);
/// The same equation: solitons of k = 1 and 1.5 that overtake, 2 (ln F)_xx with
/// F = 1 + e₁ + e₂ + ((k₁ - k₂)/(k₁ + k₂))² e₁ e₂, e_i = exp(k_i x - k_i³ t + d_i), d = (0, 3).
double kdv_two_solitons(double x, double t);

/// Kovasznay's steady flow behind a grid at a Reynolds number: u, v, p at (x, y).
std::array<double, 3> kovasznay(double x, double y, double reynolds);

/// i h_t + h_xx/2 + |h|² h = 0 with h(x, 0) = 2 sech x.
std::complex<double> schroedinger_breather(double x, double t);

/// The norm of H^s of a function that decays, from its values on a grid of one or two axes (row-major,
/// spacings one an axis), s >= 0: |f|² = ∫ (1 + |w|²)^s |f^(w)|² dw with the unitary transform.
double sobolev_norm(std::span<const double> values, std::span<const std::size_t> shape,
                    std::span<const double> spacing, double s);

}  // namespace starling::pinn
