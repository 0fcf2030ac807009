#include "starling/systems/drift/particle_flow.h"

#include <fmt/format.h>

#include <Eigen/LU>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>

#include "starling/base/error.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;
using ConstMap = Eigen::Map<const Points<double>>;
using Map = Eigen::Map<Points<double>>;

std::vector<Points<double>> flow(const PointsRef<double>& x, std::span<const double> times,
                                 const flows::OdeOptions& options,
                                 const std::function<Points<double>(const PointsRef<double>&)>& field) {
  const Index n = x.rows(), d = x.cols();
  const Points<double> start = x;
  const flows::Rhs rhs = [&](double, std::span<const double> state, std::span<double> rate) {
    Map(rate.data(), n, d) = field(ConstMap(state.data(), n, d));
  };
  const auto states = flows::integrate(
      rhs, std::span<const double>(start.data(), static_cast<std::size_t>(start.size())), times, options);
  std::vector<Points<double>> clouds;
  clouds.reserve(states.size());
  for (const auto& state : states) clouds.emplace_back(ConstMap(state.data(), n, d));
  return clouds;
}

}  // namespace

std::vector<Points<double>> particle_flow(const FieldSpec& spec, const PointsRef<double>& x,
                                          const PointsRef<double>& y, std::span<const double> times,
                                          const flows::OdeOptions& options) {
  velocity<double>(spec, x, y);  // reports bad input before the solver wraps it
  return flow(x, times, options,
              [&](const PointsRef<double>& now) { return velocity<double>(spec, now, y); });
}

std::vector<Points<double>> conservative_flow(const PointsRef<double>& x, const Target& target,
                                              std::span<const double> times,
                                              const flows::OdeOptions& options) {
  return flow(x, times, options, [&](const PointsRef<double>& now) -> Points<double> {
    return target.score(now) - Target::data(now, target.bandwidth()).score(now);
  });
}

Points<double> joint_jacobian(const PointsRef<double>& x, const PointsRef<double>& y, double h) {
  const Index n = x.rows(), d = x.cols();
  const double h2 = h * h;
  FieldSpec spec;
  spec.field = Field::conservative;
  spec.kernel = Kernel::gaussian;
  spec.scale = h;
  Points<double> out = Points<double>::Zero(n * d, n * d);
  for (Index i = 0; i < n; ++i) {
    // x_i moves as the place where the field is read ...
    out.block(i * d, i * d, d, d) = jacobian_at(spec, x.row(i).transpose(), x, y);
    // ... and every x_j moves as a member of the cloud: with weights w_j and delta_j = x_j - x_i, grad log
    // q_h(x_i) is g = Σ w_j delta_j / h^2, and dg/dx_j = w_j (I / h^2 - (delta_j / h^2 - g) delta_j^T / h^2).
    const Points<double> delta = x.rowwise() - x.row(i);
    const Eigen::ArrayXd raw = (-delta.rowwise().squaredNorm().array() / (2 * h2)).exp();
    const Vector<double> w = raw / raw.sum();
    const Vector<double> g = delta.transpose() * w / h2;
    for (Index j = 0; j < n; ++j) {
      const Vector<double> dj = delta.row(j).transpose();
      const Points<double> slope =
          w(j) * (Points<double>::Identity(d, d) / h2 - (dj / h2 - g) * dj.transpose() / h2);
      out.block(i * d, j * d, d, d) -= slope;
    }
  }
  return out;
}

EntropyBalance entropy_balance(const PointsRef<double>& x, const PointsRef<double>& y, double h,
                               std::span<const double> times) {
  const Target target = Target::data(y, h);
  diagnostics(x, y, h);  // reports bad input before the solver wraps it
  const Index n = x.rows(), d = x.cols(), nd = n * d;
  // State: X, then dX/dX_0, then the integral.
  std::vector<double> state(static_cast<std::size_t>(nd + nd * nd + 1), 0.0);
  Map(state.data(), n, d) = x;
  Map(state.data() + nd, nd, nd).setIdentity();
  const flows::Rhs rhs = [&](double, std::span<const double> s, std::span<double> rate) {
    const ConstMap cloud(s.data(), n, d), tangent(s.data() + nd, nd, nd);
    const Points<double> score = target.score(cloud);
    const Target own = Target::data(cloud, h);
    const Points<double> v = score - own.score(cloud);
    Map(rate.data(), n, d) = v;
    Map(rate.data() + nd, nd, nd) = joint_jacobian(cloud, y, h) * tangent;
    const Vector<double> divergence = target.score_divergence(cloud) - own.score_divergence(cloud);
    double self = 0;
    for (Index i = 0; i < n; ++i) {
      self +=
          1 / (-(cloud.rowwise() - cloud.row(i)).rowwise().squaredNorm().array() / (2 * h * h)).exp().sum();
    }
    rate.back() =
        -((v.array() * score.array()).sum() + divergence.sum()) + static_cast<double>(d) / (h * h) * self;
  };
  flows::OdeOptions options;
  options.rtol = 1e-13;
  options.atol = 1e-14;
  const auto states = flows::integrate(rhs, state, times, options);
  const double log_density_before = target.log_density(x).sum();
  EntropyBalance out;
  for (const auto& s : states) {
    const ConstMap cloud(s.data(), n, d), tangent(s.data() + nd, nd, nd);
    const Eigen::PartialPivLU<Eigen::MatrixXd> lu{Eigen::MatrixXd(tangent)};
    const double log_det = lu.matrixLU().diagonal().array().abs().log().sum();
    out.change.push_back(-log_det - (target.log_density(cloud).sum() - log_density_before));
    out.integral.push_back(s.back());
  }
  return out;
}

double gaussian_variance(double u0, double u_target, double h2, double t) {
  if (!(u0 >= 0 && u_target > 0 && h2 > 0 && t >= 0) || !std::isfinite(u0 + u_target + h2 + t)) {
    throw Error(ErrorKind::usage,
                fmt::format("gaussian_variance(u0 = {}, u_target = {}, h2 = {}, t = {}): expected "
                            "u0 >= 0, u_target > 0, h2 > 0, t >= 0, all finite",
                            u0, u_target, h2, t));
  }
  if (u0 == 0 || u0 == u_target) return u0;
  // In y, u = u* / (1 + e^-y) below the target and u = u* (1 + e^-y) above it: both run to u* as y grows, and
  // the conserved function (h2/u*) ln u - (w/u*) ln|u* - u| - 2t/w has no cancellation there.
  const bool below = u0 < u_target;
  const double w = u_target + h2, scale = std::log(u_target);
  const auto log1p_exp = [](double value) {  // ln(1 + e^value)
    return value > 0 ? value + std::log1p(std::exp(-value)) : std::log1p(std::exp(value));
  };
  const auto conserved = [&](double y) {
    const double softplus = log1p_exp(-y);
    const double log_u = scale + (below ? -softplus : softplus);
    const double log_gap = scale - y - (below ? softplus : 0);
    return (h2 * log_u - w * log_gap) / u_target;
  };
  const double y0 = below ? std::log(u0 / (u_target - u0)) : -std::log((u0 - u_target) / u_target);
  const double goal = conserved(y0) + 2 * t / w;
  if (t == 0) return u0;
  const auto excess = [&](double y) { return conserved(y) - goal; };
  double high = y0 + 1;
  while (excess(high) < 0) high = y0 + 2 * (high - y0);
  std::uintmax_t iterations = 200;
  const auto root = boost::math::tools::toms748_solve(
      excess, y0, high, boost::math::tools::eps_tolerance<double>(52), iterations);
  const double y = 0.5 * (root.first + root.second);
  return below ? u_target / (1 + std::exp(-y)) : u_target * (1 + std::exp(-y));
}

}  // namespace starling::drift
