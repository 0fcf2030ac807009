#pragma once
#include "starling/base/matrix.h"
#include "starling/systems/drift/field.h"

namespace starling::drift {

/// The law that the particles should reach, seen through the Gaussian kernel of bandwidth h: its smoothed
/// score s_h = grad log(K_h * pi). Either a data cloud, or the normal N(0, variance I) in closed form.
class Target {
 public:
  static Target data(const base::PointsRef<double>& y, double h);
  static Target normal(double variance, double h);

  double bandwidth() const { return h_; }
  base::Points<double> score(const base::PointsRef<double>& z) const;             ///< s_h at z (K, d)
  base::Vector<double> score_divergence(const base::PointsRef<double>& z) const;  ///< div s_h at z (K)
  base::Vector<double> log_density(const base::PointsRef<double>& z) const;       ///< log pi_h at z (K)

 private:
  base::Points<double> data_;  // empty for the normal
  double variance_ = 1, h_ = 1;
};

/// What theory asks of a cloud x (N, d) under the conservative Gaussian field v = s_h - grad log q_h, self
/// term included. Definitions: K. Balasubramanian, arXiv:2605.22795 (entropy identity; the formulas here are
/// derived, see docs/drift.md).
struct Diagnostics {
  double stein_drift;      ///< S_N = mean of v·s_h + div v at the particles, field frozen; may be negative
  double self_term;        ///< (d / h^2) Σ 1 / n_i
  double centre_velocity;  ///< C_N = mean |v|^2 at the particles
  double smoothed_fisher;  ///< F_h = ∫ |v|^2 q_h; see below
  base::Vector<double> occupancy;  ///< n_i = Σ_j exp(-|x_i - x_j|^2 / 2h^2) in [1, N]
  double mean_inverse_occupancy;   ///< mean of 1 / n_i in (0, 1]
};

Diagnostics diagnostics(const base::PointsRef<double>& x, const Target& target);

/// As above, against the data cloud y. Errors as drift::velocity.
Diagnostics diagnostics(const base::PointsRef<double>& x, const base::PointsRef<double>& y, double h);

/// S_N alone: the mean of v·s_h + div v at the particles.
double stein_drift(const base::PointsRef<double>& x, const Target& target);

/// F_h by the trapezoid rule on a grid (one or two dimensions, until 4 million nodes: exact to rounding for a
/// smooth integrand) or by 16,384 draws from q_h with a fixed stream beyond (relative error to 4% in three
/// dimensions). Fewer nodes a bandwidth are faster: 3 give six digits.
double smoothed_fisher(const base::PointsRef<double>& x, const Target& target,
                       double nodes_per_bandwidth = 10);

/// F_h by Gauss-Hermite quadrature around each particle, 5^d nodes each, for rates in three dimensions: the
/// bias, up to 1% in two dimensions and 2% in one when measured against the grid, hardly changes with N,
/// where the noise of draws would pass for a slope. It costs 5^d fields.
double smoothed_fisher_hermite(const base::PointsRef<double>& x, const Target& target);

/// Nodes of a grid over x and `margin` bandwidths around it; infinite beyond two dimensions.
double grid_nodes(const base::PointsRef<double>& x, double h, double margin, double nodes_per_bandwidth);
constexpr double most_grid_nodes = 4e6;  ///< beyond, quadratures turn to random draws
constexpr double grid_margin = 9;  ///< of the quadratures here, in bandwidths: leaves exp(-81/2) = 3e-18 out

/// The displacement field of the Laplace kernel split by its companion kernel K#(r) = (1 + r/tau)
/// exp(-r/tau): V = tau^2 a_q (grad log L_p - grad log L_q) + tau^2 (a_p - a_q) grad log L_p, with L = E K#,
/// Z = E exp(-r/tau), a = L / Z >= 1. The first part is a preconditioned gradient, the second what is left
/// when scales mismatch.
struct Decomposition {
  base::Vector<double> a_p, a_q;         ///< (K) for data and for model
  base::Points<double> sharp, residual;  ///< (K, d)
};
Decomposition decompose(const base::PointsRef<double>& z, const base::PointsRef<double>& x,
                        const base::PointsRef<double>& y, double tau);

/// (K_h * v)(x_i): the field averaged by the kernel around each particle; one dimension only, by the
/// trapezoid rule. Used by the identity d/dt KL(q_h | pi_h) = -mean v(x_i)·(K_h * v)(x_i).
base::Vector<double> smoothed_velocity_1d(const base::PointsRef<double>& x, const Target& target);

/// KL(q_h | pi_h) by the trapezoid rule; one or two dimensions.
double smoothed_kl(const base::PointsRef<double>& x, const Target& target, double nodes_per_bandwidth = 10);

}  // namespace starling::drift
