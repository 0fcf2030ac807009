#include "starling/systems/students/copy_family.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "starling/systems/students/taylor.h"

namespace starling::students {
namespace {

Taylor quadratic(const Eigen::Matrix3d& form, const Eigen::Vector3d& x) {
  return {.value = x.dot(form * x), .slope = 2 * form * x, .bend = 2 * form};
}

Taylor coordinate(int which, const Eigen::Vector3d& x) {
  return {.value = x[which], .slope = Eigen::Vector3d::Unit(which), .bend = Eigen::Matrix3d::Zero()};
}

}  // namespace

Taylor composed(const Kernel& k, const Taylor& q1, const Taylor& c, const Taylor& q2) {
  Taylor out{.value = k.value,
             .slope = k.d1 * q1.slope + k.dc * c.slope + k.d2 * q2.slope,
             .bend = k.d1 * q1.bend + k.dc * c.bend + k.d2 * q2.bend};
  out.bend += k.d11 * q1.slope * q1.slope.transpose() + k.dcc * c.slope * c.slope.transpose() +
              k.d22 * q2.slope * q2.slope.transpose();
  const Eigen::MatrixXd mixed = k.d12 * q1.slope * q2.slope.transpose() +
                                k.d1c * q1.slope * c.slope.transpose() +
                                k.d2c * q2.slope * c.slope.transpose();
  out.bend += mixed + mixed.transpose();
  return out;
}

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
  const Taylor q = quadratic(length, x), c = quadratic(product, x), one = Taylor::constant(1, 3);

  const double apart = (x[0] - x[1]) * (x[0] - x[1]);  // q - c
  const Overlap between{.q1 = q.value, .c = c.value, .q2 = q.value, .gram = apart * (q.value + c.value)};
  const Taylor own = composed(kernel(activation_, self_overlap(q.value)), q, q, q) +
                     copied * composed(kernel(activation_, between), q, c, q);
  Taylor shared = Taylor::constant(0, 3);
  const Eigen::Vector3d counts(1, copied, rest);
  for (int i = 0; i < 3; ++i) {
    if (counts[i] == 0) continue;
    double orthogonal = 0;
    for (int j = 0; j < 3; ++j) orthogonal += (counts[j] - (i == j ? 1 : 0)) * x[j] * x[j];
    const Overlap pair{.q1 = q.value, .c = x[i], .q2 = 1, .gram = std::max(0.0, orthogonal)};
    shared = shared + counts[i] * composed(kernel(activation_, pair), q, coordinate(i, x), one);
  }

  const Taylor loss = (a * a * n_) * own + (-2 * a * n_) * shared;
  const Eigen::Vector3d mixed = 2 * n_ * (a * own.slope - shared.slope);
  Local out;
  out.loss = loss.value + teacher_power_;
  out.gradient << loss.slope, 2 * n_ * (a * own.value - shared.value);
  out.hessian << loss.bend, mixed, mixed.transpose(), 2 * n_ * own.value;
  return out;
}

bool CopyFamily::descend(CopyShape& shape) const {
  constexpr int most_steps = 1000;
  constexpr double longest = 0.1, arrived = 1e-13, rounding = 1e-8, runaway = 1e3;
  const double flat = degree(activation_) > 0 ? 1e-10 : 0;
  // One student's share of the parameters in orthonormal coordinates.
  const Eigen::Array4d metric = Eigen::Array4d(1, n_ - 1, k_ - n_, 1).sqrt();
  const Eigen::Array4d inverse = (metric > 0).select(1 / metric, 0);
  double before = 0;
  for (int count = 0; count < most_steps; ++count) {
    const Local here = at(shape);
    const Eigen::Matrix4d hessian =
        inverse.matrix().asDiagonal() * here.hessian * inverse.matrix().asDiagonal();
    if (!hessian.allFinite()) return false;
    const Eigen::SelfAdjointEigenSolver<Eigen::Matrix4d> solver(hessian);
    const Eigen::Array4d curvature = solver.eigenvalues().array().abs();
    const Eigen::Array4d slope =
        (solver.eigenvectors().transpose() * (inverse * here.gradient.array()).matrix()).array();
    // Nothing along a flat direction, as ReLU's rescaling of w against a is.
    Eigen::Vector4d step =
        solver.eigenvectors() *
        (curvature > flat * curvature.maxCoeff()).select(slope / curvature, Eigen::Array4d::Zero()).matrix();
    // A tenth at most of a weight's own unit; of a, which may be large, a tenth of itself.
    const double length = step.norm(), size = 1 + (metric * shape.array()).matrix().norm();
    const double excess =
        std::max(step.head<3>().norm(), std::abs(step[3]) / std::max(1.0, std::abs(shape[3])));
    if (excess > longest) step *= longest / excess;
    shape.array() -= inverse * step.array();
    if (shape.norm() > runaway) return false;
    if (length <= arrived * size || (length <= rounding * size && length >= before / 2)) return true;
    before = length;
  }
  return false;
}

namespace {

std::optional<CopyShape> reached(const CopyFamily& family, CopyShape from) {
  if (family.descend(from)) return from;
  return std::nullopt;
}

// Down the branch from n = k - 1, where the guess is good, in steps of one student or a fortieth of n.
std::optional<CopyShape> continued(Activation activation, double n, double k) {
  double at = k - 1;
  if (at <= n) return std::nullopt;
  std::optional<CopyShape> shape = reached({activation, at, k}, CopyFamily(activation, at, k).guess());
  while (shape && at > n) {
    at = std::max(n, at - std::max(1.0, at / 40));
    shape = reached({activation, at, k}, *shape);
  }
  return shape;
}

}  // namespace

std::optional<CopyShape> critical_copy(Activation activation, double n, double k) {
  const CopyFamily family(activation, n, k);
  const std::optional<CopyShape> direct = reached(family, family.guess());
  return direct ? direct : continued(activation, n, k);
}

CopyShape CopyFamily::guess() const {
  if (n_ == k_) return {1, 0, 0, 1};
  return {std::sqrt(n_ / k_), -0.1 / n_, 0.7 / n_, k_ / n_};
}

}  // namespace starling::students
