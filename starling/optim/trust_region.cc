#include "starling/optim/trust_region.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace starling::optim {
namespace {

using base::Index;
using base::Vector;
using Factor = Eigen::LLT<Eigen::MatrixXd>;

// τ >= 0 with |p + τ d| = radius.
double way_out(const Vector<double>& p, const Vector<double>& d, double radius) {
  const double a = d.squaredNorm(), b = p.dot(d), c = p.squaredNorm() - radius * radius;
  return (-b + std::sqrt(std::max(0.0, b * b - a * c))) / a;
}

// Bounds every |eigenvalue|.
double largest_row_sum(const Eigen::MatrixXd& hessian) {
  return hessian.size() == 0 ? 0 : hessian.cwiseAbs().colwise().sum().maxCoeff();
}

Factor shifted(const Eigen::MatrixXd& hessian, double shift) {
  Eigen::MatrixXd sum = hessian;
  sum.diagonal().array() += shift;
  return Factor(sum);
}

// Geometric, since an interval that reaches down to 0 would make bisection crawl.
double between(double low, double high, double bound) {
  return std::sqrt(std::max(low, 1e-14 * bound) * high);
}

// A unit vector along which the factored matrix is nearly as small as it gets: inverse iteration.
Vector<double> lowest_direction(const Factor& factor, const Vector<double>& start) {
  Vector<double> z = Vector<double>::Ones(start.size()).normalized();
  if (start.norm() > 0) z += start.normalized();
  for (int i = 0; i < 4; ++i) z = factor.solve(z).normalized();
  return z;
}

// p, and from it along z (whichever way the model falls) to the sphere.
Vector<double> filled(const Eigen::MatrixXd& hessian, const Vector<double>& gradient, const Vector<double>& p,
                      const Vector<double>& z, double radius) {
  const Vector<double> down = gradient.dot(z) + p.dot(hessian * z) > 0 ? Vector<double>(-z) : z;
  return p + way_out(p, down, radius) * down;
}

}  // namespace

ModelStep truncated_cg(const Vector<double>& gradient, double radius, double relative, Index most,
                       const HessianTimes& times) {
  Vector<double> p = Vector<double>::Zero(gradient.size()), hp = p, r = gradient, d = -gradient;
  const double enough = relative * gradient.norm();
  const auto finish = [&](bool boundary, bool complete) {
    const double predicted = -(gradient.dot(p) + 0.5 * p.dot(hp));
    return ModelStep{p, predicted, boundary, complete};
  };
  for (Index i = 0; i < most; ++i) {
    if (r.norm() <= enough) return finish(false, true);
    const Vector<double> hd = times(d);
    const double curvature = d.dot(hd), squares = r.squaredNorm(), alpha = squares / curvature;
    if (!(curvature > 0) || (p + alpha * d).norm() >= radius) {
      const double out = way_out(p, d, radius);
      p += out * d;
      hp += out * hd;
      return finish(true, true);
    }
    p += alpha * d;
    hp += alpha * hd;
    r += alpha * hd;
    d = -r + (r.squaredNorm() / squares) * d;
  }
  return finish(false, r.norm() <= enough);
}

ModelStep exact_step(const Eigen::MatrixXd& hessian, const Vector<double>& gradient, double radius) {
  constexpr double slack = 0.1;  // of the radius
  constexpr int most = 40;
  const double bound = largest_row_sum(hessian);
  if (gradient.norm() == 0 && bound == 0) return {.p = Vector<double>::Zero(gradient.size()), .predicted = 0};
  double low = 0, high = gradient.norm() / radius + bound, shift = 0;
  int factors = 0;
  const auto finish = [&](Vector<double> p, bool at_boundary) {
    const double predicted = -(gradient.dot(p) + 0.5 * p.dot(hessian * p));
    return ModelStep{
        .p = std::move(p), .predicted = predicted, .at_boundary = at_boundary, .factors = factors};
  };
  while (factors < most) {
    const Factor factor = shifted(hessian, shift);
    ++factors;
    if (factor.info() != Eigen::Success) {
      low = shift;
      shift = between(low, high, bound);
      continue;
    }
    Vector<double> p = -factor.solve(gradient);
    const double length = p.norm();
    if (shift == 0 && length <= radius) return finish(std::move(p), false);
    if (std::abs(length - radius) <= slack * radius) return finish(std::move(p), true);
    if (length < radius) {
      high = std::min(high, shift);
      ModelStep candidate =
          finish(filled(hessian, gradient, p, lowest_direction(factor, gradient), radius), true);
      // Moré & Sorensen (3.4): no step within the radius does better by more than this share.
      const double best = 0.5 * (-gradient.dot(p) + shift * radius * radius);
      if (candidate.predicted >= (1 - slack) * best || high - low <= 1e-10 * high) return candidate;
    } else {
      low = std::max(low, shift);
    }
    // Newton's step for 1/radius = 1/|p(λ)|, kept inside what is known.
    const Vector<double> q = factor.matrixL().solve(p);
    const double next = shift + (length * length / q.squaredNorm()) * ((length - radius) / radius);
    shift = next > low && next < high ? next : between(low, high, bound);
  }
  Vector<double> p = -shifted(hessian, high).solve(gradient);
  if (p.norm() > radius) p *= radius / p.norm();
  return finish(std::move(p), true);
}

bool is_positive_semidefinite(const Eigen::MatrixXd& hessian, double relative) {
  return shifted(hessian, relative * largest_row_sum(hessian) + 1e-300).info() == Eigen::Success;
}

bool TrustRegion::judge(const ModelStep& step, double fall, double noise) {
  const double ratio = (fall + noise) / (step.predicted + noise);
  const bool good = std::isfinite(fall) && ratio > 1e-4;
  if (!good || ratio < 0.25) {
    radius = 0.25 * step.p.norm();
  } else if (ratio > 0.75 && step.at_boundary) {
    radius *= 2;
  }
  return good;
}

}  // namespace starling::optim
