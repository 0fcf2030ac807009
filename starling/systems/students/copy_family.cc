#include "starling/systems/students/copy_family.h"

#include <Eigen/Eigenvalues>
#include <cmath>

namespace starling::students {
namespace {

// A function of α, β, γ to second order.
struct Jet3 {
  double value = 0;
  Eigen::Vector3d slope = Eigen::Vector3d::Zero();
  Eigen::Matrix3d bend = Eigen::Matrix3d::Zero();
};

Jet3 quadratic(const Eigen::Matrix3d& form, const Eigen::Vector3d& x) {
  return {.value = x.dot(form * x), .slope = 2 * form * x, .bend = 2 * form};
}

Jet3 coordinate(int which, const Eigen::Vector3d& x) {
  return {.value = x[which], .slope = Eigen::Vector3d::Unit(which)};
}

// κ(q1, c, q2) by the chain rule.
Jet3 composed(const Kernel& k, const Jet3& q1, const Jet3& c, const Jet3& q2) {
  Jet3 out{.value = k.value, .slope = k.d1 * q1.slope + k.dc * c.slope + k.d2 * q2.slope};
  out.bend = k.d1 * q1.bend + k.dc * c.bend + k.d2 * q2.bend;
  out.bend += k.d11 * q1.slope * q1.slope.transpose() + k.dcc * c.slope * c.slope.transpose() +
              k.d22 * q2.slope * q2.slope.transpose();
  const Eigen::Matrix3d mixed = k.d12 * q1.slope * q2.slope.transpose() + k.d1c * q1.slope * c.slope.transpose() +
                                k.d2c * q2.slope * c.slope.transpose();
  out.bend += mixed + mixed.transpose();
  return out;
}

Jet3 operator*(double factor, const Jet3& f) {
  return {.value = factor * f.value, .slope = factor * f.slope, .bend = factor * f.bend};
}
Jet3 operator+(const Jet3& f, const Jet3& g) {
  return {.value = f.value + g.value, .slope = f.slope + g.slope, .bend = f.bend + g.bend};
}

}  // namespace

CopyFamily::CopyFamily(Activation activation, double n, double k) : activation_(activation), n_(n), k_(k) {
  teacher_power_ = k * kernel(activation, self_overlap(1)).value +
                   k * (k - 1) * kernel(activation, overlap(1, 0, 1)).value;
}

CopyFamily::Local CopyFamily::at(const CopyShape& shape) const {
  const Eigen::Vector3d x = shape.head<3>();
  const double copied = n_ - 1, rest = k_ - n_, a = shape[3];
  const Eigen::Matrix3d length = Eigen::Vector3d(1, copied, rest).asDiagonal();
  Eigen::Matrix3d product = Eigen::Vector3d(0, n_ - 2, rest).asDiagonal();
  product(0, 1) = product(1, 0) = 1;
  const Jet3 q = quadratic(length, x), c = quadratic(product, x), one{.value = 1};

  const double apart = (x[0] - x[1]) * (x[0] - x[1]);  // q - c
  const Overlap between{.q1 = q.value, .c = c.value, .q2 = q.value, .gram = apart * (q.value + c.value)};
  const Jet3 own = composed(kernel(activation_, self_overlap(q.value)), q, q, q) +
                   copied * composed(kernel(activation_, between), q, c, q);
  Jet3 shared;
  const Eigen::Vector3d counts(1, copied, rest);
  for (int i = 0; i < 3; ++i) {
    if (counts[i] == 0) continue;
    double orthogonal = 0;
    for (int j = 0; j < 3; ++j) orthogonal += (counts[j] - (i == j ? 1 : 0)) * x[j] * x[j];
    const Overlap pair{.q1 = q.value, .c = x[i], .q2 = 1, .gram = std::max(0.0, orthogonal)};
    shared = shared + counts[i] * composed(kernel(activation_, pair), q, coordinate(i, x), one);
  }

  const Jet3 loss = (a * a * n_) * own + (-2 * a * n_) * shared;
  const Eigen::Vector3d mixed = 2 * n_ * (a * own.slope - shared.slope);
  Local out{.loss = loss.value + teacher_power_};
  out.gradient << loss.slope, 2 * n_ * (a * own.value - shared.value);
  out.hessian << loss.bend, mixed, mixed.transpose(), 2 * n_ * own.value;
  return out;
}

bool CopyFamily::descend(CopyShape& shape) const {
  constexpr int most_steps = 500;
  constexpr double longest = 0.1, arrived = 1e-13, flat = 1e-10, runaway = 1e3;
  // One student's share of the parameters in orthonormal coordinates.
  const Eigen::Array4d metric = Eigen::Array4d(1, n_ - 1, k_ - n_, 1).sqrt();
  const Eigen::Array4d inverse = (metric > 0).select(1 / metric, 0);
  for (int count = 0; count < most_steps; ++count) {
    const Local here = at(shape);
    const Eigen::Matrix4d hessian = inverse.matrix().asDiagonal() * here.hessian * inverse.matrix().asDiagonal();
    if (!hessian.allFinite()) return false;
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix4d> solver(hessian);
    const Eigen::Array4d curvature = solver.eigenvalues().array().abs();
    const Eigen::Array4d slope =
        (solver.eigenvectors().transpose() * (inverse * here.gradient.array()).matrix()).array();
    // Nothing along a flat direction, as ReLU's rescaling of w against a is.
    Eigen::Vector4d step =
        solver.eigenvectors() *
        (curvature > flat * curvature.maxCoeff()).select(slope / curvature, Eigen::Array4d::Zero()).matrix();
    if (step.norm() > longest) step *= longest / step.norm();
    shape.array() -= inverse * step.array();
    if (shape.norm() > runaway) return false;
    if (step.norm() <= arrived * (1 + (metric * shape.array()).matrix().norm())) return true;
  }
  return false;
}

CopyShape CopyFamily::guess() const {
  if (n_ == k_) return {1, 0, 0, 1};
  return {std::sqrt(n_ / k_), -0.1 / n_, 0.7 / n_, k_ / n_};
}

}  // namespace starling::students
