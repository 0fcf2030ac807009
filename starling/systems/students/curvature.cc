#include "starling/systems/students/curvature.h"

#include <utility>

namespace starling::students {

using base::Index;
using base::Points;
using base::Vector;

Curvature::Curvature(const Landscape& landscape, Neurons student)
    : student_(std::move(student)), pair_(landscape.couplings(student_)) {
  all_ = landscape.all_incoming(student_);
  weight_ = landscape.all_signed(student_);
  forces_ = residual_forces(landscape, student_, pair_);
}

// Σ_l weight_l H_ww(w_i, x_l).
Eigen::MatrixXd Curvature::own_block(Index i) const {
  const Index d = all_.cols();
  const auto w = all_.row(i);
  const Vector<double> cross = pair_.d1c.row(i).matrix().transpose().cwiseProduct(weight_);
  const Vector<double> square = pair_.dcc.row(i).matrix().transpose().cwiseProduct(weight_);
  const Eigen::RowVectorXd mixed = cross.transpose() * all_;
  Eigen::MatrixXd block = all_.transpose() * square.asDiagonal() * all_;
  block += 4 * pair_.d11.row(i).matrix().dot(weight_.transpose()) * w.transpose() * w;
  block += 2 * (w.transpose() * mixed + mixed.transpose() * w);
  block += 2 * pair_.d1.row(i).matrix().dot(weight_.transpose()) * Eigen::MatrixXd::Identity(d, d);
  return block;
}

// H_wv(w_i, w_j).
Eigen::MatrixXd Curvature::exchange_block(Index i, Index j) const {
  const Index d = all_.cols();
  const auto w = all_.row(i), v = all_.row(j);
  Eigen::MatrixXd block = pair_.dc(i, j) * Eigen::MatrixXd::Identity(d, d);
  block += w.transpose() * (4 * pair_.d12(i, j) * v + 2 * pair_.d1c(i, j) * w);
  block += v.transpose() * (2 * pair_.d2c(i, j) * v + pair_.dcc(i, j) * w);
  return block;
}

Eigen::MatrixXd Curvature::matrix(Outgoing outgoing) const {
  const Index n = student_.w.rows(), d = student_.w.cols();
  const Index size = outgoing == Outgoing::free ? n * (d + 1) : n * d;
  Eigen::MatrixXd hessian(size, size);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j)
      hessian.block(i * d, j * d, d, d) = 2 * student_.a[i] * student_.a[j] * exchange_block(i, j);
    hessian.block(i * d, i * d, d, d) += 2 * student_.a[i] * own_block(i);
  }
  if (outgoing == Outgoing::fixed) return hessian;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      Eigen::RowVectorXd mixed =
          2 * student_.a[i] * (2 * pair_.d1(i, j) * all_.row(i) + pair_.dc(i, j) * all_.row(j));
      if (i == j) mixed += 2 * forces_.row(i);
      hessian.block(i * d, n * d + j, d, 1) = mixed.transpose();
      hessian.block(n * d + j, i * d, 1, d) = mixed;
    }
  }
  hessian.bottomRightCorner(n, n) = 2 * pair_.value.leftCols(n).matrix();
  return hessian;
}

// Row i: Σ_l weight_l H_ww(w_i, x_l) u_i.
Points<double> Curvature::own_part(const Neurons& direction) const {
  const Eigen::ArrayXXd seen = (direction.w * all_.transpose()).array();  // u_i.x_l
  const Vector<double> along = student_.w.cwiseProduct(direction.w).rowwise().sum();
  const Eigen::ArrayXXd cross = pair_.d1c.rowwise() * weight_.transpose().array();
  const Eigen::ArrayXXd square = pair_.dcc.rowwise() * weight_.transpose().array();
  const Vector<double> radial = 2 * (pair_.d1.matrix() * weight_);
  Vector<double> onto = 4 * (pair_.d11.matrix() * weight_).cwiseProduct(along);
  onto += 2 * (cross * seen).rowwise().sum().matrix();
  const Eigen::MatrixXd mix = (square * seen).matrix() + 2 * (along.asDiagonal() * cross.matrix());
  Points<double> out = mix * all_;
  out += radial.asDiagonal() * direction.w;
  out += onto.asDiagonal() * student_.w;
  return out;
}

// Row i: Σ_j a_j H_wv(w_i, w_j) u_j.
Points<double> Curvature::exchange_part(const Neurons& direction) const {
  const Index n = student_.w.rows();
  const Eigen::ArrayXXd seen = (student_.w * direction.w.transpose()).array();  // w_i.u_j
  const Vector<double> along = student_.w.cwiseProduct(direction.w).rowwise().sum();
  const Eigen::RowVectorXd a = student_.a.transpose(), pull = a.cwiseProduct(along.transpose());
  const Eigen::ArrayXXd weighted = seen.rowwise() * a.array();
  Vector<double> onto = 4 * (pair_.d12.leftCols(n).matrix() * pull.transpose());
  onto += 2 * (pair_.d1c.leftCols(n) * weighted).rowwise().sum().matrix();
  const Eigen::MatrixXd mix =
      (pair_.dcc.leftCols(n) * weighted).matrix() + 2 * (pair_.d2c.leftCols(n).matrix() * pull.asDiagonal());
  Points<double> out = (pair_.dc.leftCols(n).matrix() * a.asDiagonal()) * direction.w;
  out += mix * student_.w;
  out += onto.asDiagonal() * student_.w;
  return out;
}

Neurons Curvature::times(const Neurons& direction) const {
  const Index n = student_.w.rows();
  const auto d1 = pair_.d1.leftCols(n).matrix(), dc = pair_.dc.leftCols(n).matrix();
  const Vector<double>& s = direction.a;
  Points<double> pull = own_part(direction) + exchange_part(direction);
  pull += (2 * (d1 * s)).asDiagonal() * student_.w;  // Σ_j s_j ∂_w g(w_i, w_j)
  pull += (dc * s.asDiagonal()) * student_.w;
  Neurons out;
  out.w = (2 * student_.a).asDiagonal() * pull;
  out.w += (2 * s).asDiagonal() * forces_;

  const Vector<double> along = student_.w.cwiseProduct(direction.w).rowwise().sum();
  const Eigen::MatrixXd seen = student_.w * direction.w.transpose();  // w_i.u_j
  out.a = 2 * (pair_.value.leftCols(n).matrix() * s);
  out.a += 2 * forces_.cwiseProduct(direction.w).rowwise().sum();
  out.a += 4 * (d1.transpose() * student_.a.cwiseProduct(along));
  out.a += 2 * (seen.cwiseProduct(dc.transpose()) * student_.a);
  return out;
}

}  // namespace starling::students
