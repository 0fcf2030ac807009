#include "starling/math/spectral_map.h"

#include <fmt/format.h>

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "starling/base/error.h"

namespace starling::math {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Decomposition {
  MatrixXd u, v;  // (m, r) and (n, r), or square where all directions are asked for
  VectorXd s;     // r = min(m, n)
};

enum class Directions { none, thin, all };

// Jacobi's method finds small singular values to full relative precision, divide and conquer is fast.
template <class Svd>
Decomposition decomposed_by(const MatrixXd& m, Directions directions) {
  const unsigned options = directions == Directions::none   ? 0U
                           : directions == Directions::thin ? Eigen::ComputeThinU | Eigen::ComputeThinV
                                                            : Eigen::ComputeFullU | Eigen::ComputeFullV;
  const Svd svd(m, options);
  if (directions == Directions::none) return {{}, {}, svd.singularValues()};
  return {svd.matrixU(), svd.matrixV(), svd.singularValues()};
}

Decomposition decomposed(const MatrixXd& m, Directions directions) {
  if (!m.allFinite())
    throw base::Error(
        base::ErrorKind::numerical,
        fmt::format("spectral map: a ({}, {}) matrix with entries that are not finite", m.rows(), m.cols()));
  if (m.size() == 0)
    return {MatrixXd::Identity(m.rows(), m.rows()), MatrixXd::Identity(m.cols(), m.cols()), VectorXd(0)};
  constexpr Index most_by_jacobi = 64;
  if (std::min(m.rows(), m.cols()) <= most_by_jacobi)
    return decomposed_by<Eigen::JacobiSVD<MatrixXd>>(m, directions);
  return decomposed_by<Eigen::BDCSVD<MatrixXd>>(m, directions);
}

}  // namespace

SpectralMap::SpectralMap(double epsilon, Smoothing smoothing) : epsilon_(epsilon), smoothing_(smoothing) {
  if (epsilon > 0 && std::isfinite(epsilon)) return;
  throw base::Error(base::ErrorKind::usage,
                    fmt::format("epsilon = {}; expected a positive, finite number", epsilon));
}

double SpectralMap::f(double s) const {
  switch (smoothing_) {
    case Smoothing::hyperbolic:
      return s / std::hypot(s, epsilon_);
    case Smoothing::huber:
      return std::min(s / epsilon_, 1.0);
    case Smoothing::tanh:
      return std::tanh(s / epsilon_);
    case Smoothing::rational:
      break;
  }
  return s / (s + epsilon_);
}

double SpectralMap::psi(double s) const {
  const double e = epsilon_, x = s / e;
  switch (smoothing_) {
    case Smoothing::hyperbolic:
      return s * (s / (std::hypot(s, e) + e));
    case Smoothing::huber:
      return s < e ? 0.5 * s * x : s - 0.5 * e;
    // log cosh x = x + log1p(exp(-2x)) - log 2, which loses the digits of a small x: there by sinh²(x/2).
    case Smoothing::tanh:
      return x < 1 ? e * std::log1p(2 * std::pow(std::sinh(0.5 * x), 2))
                   : s + e * (std::log1p(std::exp(-2 * x)) - std::numbers::ln2);
    case Smoothing::rational:
      break;
  }
  return s - e * std::log1p(x);
}

double SpectralMap::psi_dual(double y) const {
  const double e = epsilon_;
  switch (smoothing_) {
    case Smoothing::hyperbolic: {
      const double rest = (1 - y) * (1 + y);
      return e * y * y / (1 + std::sqrt(std::max(0.0, rest)));
    }
    case Smoothing::huber:
      return 0.5 * e * y * y;
    case Smoothing::tanh:
      return y >= 1 ? e * std::numbers::ln2 : e * 0.5 * ((1 + y) * std::log1p(y) + (1 - y) * std::log1p(-y));
    case Smoothing::rational:
      break;
  }
  return -e * (y + std::log1p(-y));
}

double SpectralMap::difference(double s, double t) const {
  const double e = epsilon_;
  switch (smoothing_) {
    case Smoothing::hyperbolic: {
      if (s == 0 && t == 0) return 1 / e;
      const double p = std::hypot(s, e), q = std::hypot(t, e);
      return (e / p) * (e / q) * ((s + t) / (s * q + t * p));
    }
    case Smoothing::huber: {
      const double low = std::min(s, t), high = std::max(s, t);
      if (high <= e) return 1 / e;
      if (low >= e) return 0;
      return (1 - low / e) / (high - low);
    }
    case Smoothing::tanh: {
      const double x = std::abs(s - t) / e, both = (s + t) / e;
      // sinh x / (cosh s cosh t) = 2 sinh x / (cosh(s + t) + cosh x), by exponentials that do not overflow.
      const double ratio = 2 * (-std::expm1(-2 * x)) * std::exp(x - both) /
                           (1 + std::exp(-2 * both) + std::exp(x - both) + std::exp(-x - both));
      if (x < 1e-8) return 1 / (e * std::pow(std::cosh(std::min(0.5 * both, 350.0)), 2));
      return ratio / (x * e);
    }
    case Smoothing::rational:
      break;
  }
  return e / ((s + e) * (t + e));
}

MatrixXd SpectralMap::operator()(const MatrixXd& m) const {
  const Decomposition d = decomposed(m, Directions::thin);
  const VectorXd mapped = d.s.unaryExpr([this](double s) { return f(s); });
  if (m.size() == 0) return m;
  return d.u * mapped.asDiagonal() * d.v.transpose();
}

double SpectralMap::potential(const MatrixXd& m) const {
  double sum = 0;
  for (const double s : singular_values(m)) sum += psi(s);
  return sum;
}

double SpectralMap::dual_potential(const MatrixXd& y) const {
  double sum = 0;
  constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
  for (const double s : singular_values(y)) {
    if (s > 1 + rounding) return std::numeric_limits<double>::infinity();
    sum += psi_dual(std::min(s, 1.0));
  }
  return sum;
}

MatrixXd SpectralMap::derivative(const MatrixXd& m, const MatrixXd& h) const {
  if (h.rows() != m.rows() || h.cols() != m.cols()) {
    throw base::Error(base::ErrorKind::usage,
                      fmt::format("derivative: a direction ({}, {}) at a ({}, {}) matrix", h.rows(), h.cols(),
                                  m.rows(), m.cols()));
  }
  if (m.size() == 0) return m;
  const Decomposition d = decomposed(m, Directions::all);
  const Index r = d.s.size();
  const MatrixXd k = d.u.transpose() * h * d.v;
  const auto sum_quotient = [this](double s, double t) {
    return s + t == 0 ? 1 / epsilon_ : (f(s) + f(t)) / (s + t);
  };
  MatrixXd out(k.rows(), k.cols());
  for (Index i = 0; i < k.rows(); ++i) {
    for (Index j = 0; j < k.cols(); ++j) {
      if (i < r && j < r) {
        const double s = d.s[i], t = d.s[j];
        out(i, j) = 0.5 * (difference(s, t) * (k(i, j) + k(j, i)) + sum_quotient(s, t) * (k(i, j) - k(j, i)));
      } else {
        out(i, j) = k(i, j) * sum_quotient(d.s[std::min(i, j)], 0);
      }
    }
  }
  return d.u * out * d.v.transpose();
}

MatrixXd polar_factor(const MatrixXd& m) {
  if (m.size() == 0) return m;
  const Decomposition d = decomposed(m, Directions::thin);
  const double rounding =
      static_cast<double>(std::max(m.rows(), m.cols())) * std::numeric_limits<double>::epsilon() * d.s[0];
  const Index rank = (d.s.array() > rounding).count();
  return d.u.leftCols(rank) * d.v.leftCols(rank).transpose();
}

VectorXd singular_values(const MatrixXd& m) {
  return decomposed(m, Directions::none).s;
}

}  // namespace starling::math
