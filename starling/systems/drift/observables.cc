#include "starling/systems/drift/observables.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "starling/base/error.h"
#include "starling/base/random.h"
#include "starling/kernels/mean_shift.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;
using kernels::Radial;
using kernels::SelfPair;

// grad log of the kernel density of `cloud` at z, and log Σ exp(-|z - c|^2 / 2h^2).
struct Density {
  Points<double> score;
  Vector<double> log_sum;
};

Density density(const PointsRef<double>& z, const PointsRef<double>& cloud, double h) {
  Density out{Points<double>(z.rows(), z.cols()), Vector<double>(z.rows())};
  kernels::mean_shift<double>(Radial::gaussian, h, SelfPair::included, z.data(), z.rows(), cloud.data(),
                              cloud.rows(), z.cols(), out.score.data(), out.log_sum.data());
  out.score /= h * h;
  return out;
}

// log of a kernel density from log Σ exp(...).
Vector<double> log_density_of(const Density& d, Index count, Index dimension, double h) {
  const double log_norm = std::log(static_cast<double>(count)) +
                          0.5 * static_cast<double>(dimension) * std::log(2 * std::numbers::pi * h * h);
  return d.log_sum.array() - log_norm;
}

// div of grad log Σ exp(-|z - c_j|^2 / 2h^2) = -d/h^2 + Σ w_j |z - c_j|^2 / h^4 - |grad|^2: the Gaussian
// kernel's own.
Vector<double> density_score_divergence(const PointsRef<double>& z, const PointsRef<double>& cloud,
                                        double h) {
  Vector<double> out(z.rows());
  const double h2 = h * h;
  for (Index i = 0; i < z.rows(); ++i) {
    const Vector<double> squares = (cloud.rowwise() - z.row(i)).rowwise().squaredNorm();
    const Eigen::ArrayXd weights = (-(squares.array() - squares.minCoeff()) / (2 * h2)).exp();
    const double mass = weights.sum();
    const Vector<double> shift = (cloud.rowwise() - z.row(i)).transpose() * weights.matrix() / mass;
    const double spread = (weights * squares.array()).sum() / mass;
    out(i) = -static_cast<double>(z.cols()) / h2 + (spread - shift.squaredNorm()) / (h2 * h2);
  }
  return out;
}

// ∫ f(z) dz over a grid that holds all but 1e-17 of q_h: f gets nodes in batches, returns the sum over the
// batch.
double trapezoid(const PointsRef<double>& x, double h, double step,
                 const std::function<double(const PointsRef<double>&)>& sum) {
  const Index d = x.cols();
  std::vector<Index> nodes(2, 1);
  std::vector<double> low(2, 0);
  for (Index k = 0; k < d; ++k) {
    const auto axis = static_cast<std::size_t>(k);
    low[axis] = x.col(k).minCoeff() - grid_margin * h;
    nodes[axis] =
        static_cast<Index>(std::ceil((x.col(k).maxCoeff() + grid_margin * h - low[axis]) / step)) + 1;
  }
  double total = 0;
  Points<double> batch(nodes[0], d);
  for (Index j = 0; j < nodes[1]; ++j) {
    for (Index i = 0; i < nodes[0]; ++i) {
      batch(i, 0) = low[0] + static_cast<double>(i) * step;
      if (d == 2) batch(i, 1) = low[1] + static_cast<double>(j) * step;
    }
    total += sum(batch);
  }
  return total * std::pow(step, static_cast<double>(d));
}

Points<double> velocity(const PointsRef<double>& z, const PointsRef<double>& x, const Target& target) {
  return target.score(z) - density(z, x, target.bandwidth()).score;
}

}  // namespace

Target Target::data(const PointsRef<double>& y, double h) {
  Target target;
  target.data_ = y;
  target.h_ = h;
  return target;
}

Target Target::normal(double variance, double h) {
  Target target;
  target.variance_ = variance;
  target.h_ = h;
  return target;
}

Points<double> Target::score(const PointsRef<double>& z) const {
  if (data_.rows() > 0) return density(z, data_, h_).score;
  return -z / (variance_ + h_ * h_);
}

Vector<double> Target::score_divergence(const PointsRef<double>& z) const {
  if (data_.rows() > 0) return density_score_divergence(z, data_, h_);
  return Vector<double>::Constant(z.rows(), -static_cast<double>(z.cols()) / (variance_ + h_ * h_));
}

Vector<double> Target::log_density(const PointsRef<double>& z) const {
  if (data_.rows() > 0) return log_density_of(density(z, data_, h_), data_.rows(), z.cols(), h_);
  const double u = variance_ + h_ * h_;
  return (-z.rowwise().squaredNorm() / (2 * u)).array() -
         0.5 * static_cast<double>(z.cols()) * std::log(2 * std::numbers::pi * u);
}

double grid_nodes(const PointsRef<double>& x, double h, double margin, double nodes_per_bandwidth) {
  if (x.cols() > 2) return std::numeric_limits<double>::infinity();
  double nodes = 1;
  for (Index k = 0; k < x.cols(); ++k)
    nodes *= ((x.col(k).maxCoeff() - x.col(k).minCoeff()) / h + 2 * margin) * nodes_per_bandwidth + 2;
  return nodes;
}

double smoothed_fisher(const PointsRef<double>& x, const Target& target, double nodes_per_bandwidth) {
  const double h = target.bandwidth();
  const auto sum = [&](const PointsRef<double>& z) {
    const Density q = density(z, x, h);
    const Vector<double> squares = (target.score(z) - q.score).rowwise().squaredNorm();
    return (squares.array() * log_density_of(q, x.rows(), x.cols(), h).array().exp()).sum();
  };
  if (grid_nodes(x, h, grid_margin, nodes_per_bandwidth) < most_grid_nodes)
    return trapezoid(x, h, h / nodes_per_bandwidth, sum);
  constexpr Index draws = 16384;
  base::Stream stream(0, 0, "smoothed Fisher");
  Points<double> z(draws, x.cols());
  stream.fill_normal(std::span<double>(z.data(), static_cast<std::size_t>(z.size())));
  for (Index i = 0; i < draws; ++i) z.row(i) = x.row(i % x.rows()) + h * z.row(i);
  return velocity(z, x, target).squaredNorm() / static_cast<double>(draws);
}

double smoothed_fisher_hermite(const PointsRef<double>& x, const Target& target) {
  // Of the weight exp(-z^2 / 2): the roots of z^5 - 10 z^3 + 15 z.
  constexpr int order = 5;
  constexpr double nodes[order] = {-2.8569700138728056, -1.3556261799742659, 0, 1.3556261799742659,
                                   2.8569700138728056};
  constexpr double weights[order] = {0.011257411327720689, 0.22207592200561266, 8.0 / 15, 0.22207592200561266,
                                     0.011257411327720689};
  const Index d = x.cols();
  Index count = 1;
  for (Index k = 0; k < d; ++k) count *= order;
  double total = 0;
  for (Index node = 0; node < count; ++node) {
    Points<double> z = x;
    double weight = 1;
    for (Index k = 0, rest = node; k < d; ++k, rest /= order) {
      z.col(k).array() += target.bandwidth() * nodes[rest % order];
      weight *= weights[rest % order];
    }
    total += weight * velocity(z, x, target).squaredNorm();
  }
  return total / static_cast<double>(x.rows());
}

double stein_drift(const PointsRef<double>& x, const Target& target) {
  const double h = target.bandwidth();
  const Points<double> s = target.score(x), v = s - density(x, x, h).score;
  const Vector<double> divergence = target.score_divergence(x) - density_score_divergence(x, x, h);
  return ((v.array() * s.array()).sum() + divergence.sum()) / static_cast<double>(x.rows());
}

Diagnostics diagnostics(const PointsRef<double>& x, const Target& target) {
  const double h = target.bandwidth(), n = static_cast<double>(x.rows());
  const Density q = density(x, x, h);
  const Points<double> v = target.score(x) - q.score;
  Diagnostics out;
  out.stein_drift = stein_drift(x, target);
  out.centre_velocity = v.squaredNorm() / n;
  out.occupancy = q.log_sum.array().exp();
  out.mean_inverse_occupancy = out.occupancy.cwiseInverse().mean();
  out.self_term = static_cast<double>(x.cols()) / (h * h) * out.occupancy.cwiseInverse().sum();
  out.smoothed_fisher = smoothed_fisher(x, target);
  return out;
}

Diagnostics diagnostics(const PointsRef<double>& x, const PointsRef<double>& y, double h) {
  FieldSpec spec;
  spec.scale = h;
  require_compatible(spec, x.cols(), y.cols());
  require_finite<double>(x, "x");
  require_finite<double>(y, "y");
  return diagnostics(x, Target::data(y, h));
}

Decomposition decompose(const PointsRef<double>& z, const PointsRef<double>& x, const PointsRef<double>& y,
                        double tau) {
  FieldSpec spec;
  spec.scale = tau;
  require_compatible(spec, x.cols(), y.cols());
  require_compatible(spec, z.cols(), y.cols());
  require_finite<double>(z, "z");
  require_finite<double>(x, "x");
  require_finite<double>(y, "y");
  struct Side {
    Vector<double> a;
    Points<double> score;
  };
  const auto side = [&](const PointsRef<double>& cloud) {
    Points<double> sharp(z.rows(), z.cols()), plain(z.rows(), z.cols());
    Vector<double> log_l(z.rows()), log_z(z.rows());
    kernels::mean_shift<double>(Radial::sharp, tau, SelfPair::included, z.data(), z.rows(), cloud.data(),
                                cloud.rows(), z.cols(), sharp.data(), log_l.data());
    kernels::mean_shift<double>(Radial::laplace, tau, SelfPair::included, z.data(), z.rows(), cloud.data(),
                                cloud.rows(), z.cols(), plain.data(), log_z.data());
    return Side{(log_l - log_z).array().exp(), sharp};
  };
  const Side p = side(y), q = side(x);
  const double tau2 = tau * tau;
  Decomposition out{p.a, q.a, {}, {}};
  out.sharp = tau2 * (q.a.asDiagonal() * (p.score - q.score));
  out.residual = tau2 * ((p.a - q.a).asDiagonal() * p.score);
  return out;
}

Vector<double> smoothed_velocity_1d(const PointsRef<double>& x, const Target& target) {
  const double h = target.bandwidth();
  Vector<double> out(x.rows());
  for (Index i = 0; i < x.rows(); ++i) {
    const Points<double> centre = x.row(i);
    out(i) = trapezoid(centre, h, h / 20, [&](const PointsRef<double>& z) {
      const Eigen::ArrayXd weights = (-(z.col(0).array() - centre(0, 0)).square() / (2 * h * h)).exp();
      return (weights * velocity(z, x, target).col(0).array()).sum() / (h * std::sqrt(2 * std::numbers::pi));
    });
  }
  return out;
}

double smoothed_kl(const PointsRef<double>& x, const Target& target, double nodes_per_bandwidth) {
  const double h = target.bandwidth();
  return trapezoid(x, h, h / nodes_per_bandwidth, [&](const PointsRef<double>& z) {
    const Vector<double> log_q = log_density_of(density(z, x, h), x.rows(), x.cols(), h);
    return (log_q.array().exp() * (log_q - target.log_density(z)).array()).sum();
  });
}

}  // namespace starling::drift
