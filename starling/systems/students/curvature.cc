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
  const bool free = outgoing == Outgoing::free;
  const Index outer = free ? n + (student_.output ? 1 : 0) : 0;
  const Index size = n * d + student_.bias.size() + outer;
  Eigen::MatrixXd hessian(size, size);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j)
      hessian.block(i * d, j * d, d, d) = 2 * student_.a[i] * student_.a[j] * exchange_block(i, j);
    hessian.block(i * d, i * d, d, d) += 2 * student_.a[i] * own_block(i);
  }
  if (student_.biased()) add_biases(hessian, free);
  if (!free) return hessian;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      Eigen::RowVectorXd mixed =
          2 * student_.a[i] * (2 * pair_.d1(i, j) * all_.row(i) + pair_.dc(i, j) * all_.row(j));
      if (i == j) mixed += 2 * forces_.row(i);
      hessian.block(i * d, n * d + j, d, 1) = mixed.transpose();
      hessian.block(n * d + j, i * d, 1, d) = mixed;
    }
  }
  hessian.block(n * d, n * d, n, n) = 2 * pair_.value.leftCols(n).matrix();
  if (student_.output) add_output(hessian);
  return hessian;
}

void Curvature::add_biases(Eigen::MatrixXd& hessian, bool free) const {
  const Index n = student_.w.rows(), d = student_.w.cols(), first = n * d + (free ? n : 0);
  const Vector<double>& a = student_.a;
  const Vector<double> slope = pair_.db.matrix() * weight_, bend = 4 * (pair_.d1.matrix() * weight_);
  const Vector<double> radial = 2 * (pair_.d1b.matrix() * weight_);
  const Points<double> own = (pair_.dcb.matrix() * weight_.asDiagonal()) * all_;
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < n; ++i) {
      Eigen::RowVectorXd mixed =
          2 * a[i] * a[j] * (pair_.dcb(i, j) * all_.row(i) + 2 * pair_.d2b(i, j) * all_.row(j));
      if (i == j) mixed += 2 * a[i] * (radial[i] * all_.row(i) + own.row(i));
      hessian.block(i * d, first + j, d, 1) = mixed.transpose();
      hessian.block(first + j, i * d, 1, d) = mixed;
      hessian(first + i, first + j) = 2 * a[i] * a[j] * pair_.dc(i, j) + (i == j ? a[i] * bend[i] : 0);
      if (!free) continue;
      const double outgoing = 2 * a[i] * pair_.db(i, j) + (i == j ? 2 * slope[i] : 0);
      hessian(first + i, n * d + j) = outgoing;
      hessian(n * d + j, first + i) = outgoing;
    }
  }
}

// The output bias is the outgoing weight of a neuron σ = 1, the last column of the pairs.
void Curvature::add_output(Eigen::MatrixXd& hessian) const {
  const Index n = student_.w.rows(), d = student_.w.cols(), last = hessian.rows() - 1;
  const Index one = pair_.value.cols() - 1;
  Vector<double> column = Vector<double>::Zero(last + 1);
  for (Index i = 0; i < n; ++i) {
    column.segment(i * d, d) = 4 * student_.a[i] * pair_.d1(i, one) * student_.w.row(i).transpose();
    column[n * d + i] = 2 * pair_.value(i, one);
    if (student_.biased()) column[n * d + n + i] = 2 * student_.a[i] * pair_.db(i, one);
  }
  column[last] = 2;
  hessian.col(last) = column;
  hessian.row(last) = column.transpose();
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
  if (student_.biased()) times_biases(direction, out);
  if (student_.output) times_output(direction, out);
  return out;
}

void Curvature::times_biases(const Neurons& direction, Neurons& out) const {
  const Index n = student_.w.rows();
  const Vector<double>&a = student_.a, &t = direction.bias, &s = direction.a;
  const Vector<double> pull = a.cwiseProduct(t), along = student_.w.cwiseProduct(direction.w).rowwise().sum();
  const Vector<double> slope = pair_.db.matrix() * weight_, radial = 2 * (pair_.d1b.matrix() * weight_);
  const auto db = pair_.db.leftCols(n).matrix(), m21 = pair_.dcb.leftCols(n).matrix();
  const Eigen::MatrixXd m12 = 2 * pair_.d2b.leftCols(n).matrix();
  const Points<double> own = (pair_.dcb.matrix() * weight_.asDiagonal()) * all_;
  const Eigen::MatrixXd seen = student_.w * direction.w.transpose();  // w_i.u_j

  Points<double> incoming = (m21 * pull + radial.cwiseProduct(t)).asDiagonal() * student_.w;
  incoming += (m12 * pull.asDiagonal()) * student_.w;
  incoming += t.asDiagonal() * own;
  out.w += (2 * a).asDiagonal() * incoming;

  Vector<double> biases = pair_.dc.leftCols(n).matrix() * pull;
  biases += 2 * (pair_.d1.matrix() * weight_).cwiseProduct(t);
  biases += m21.transpose() * a.cwiseProduct(along);
  biases += m12.transpose().cwiseProduct(seen) * a;
  biases += radial.cwiseProduct(along) + own.cwiseProduct(direction.w).rowwise().sum();
  biases += db * s;
  out.bias = 2 * a.cwiseProduct(biases) + 2 * s.cwiseProduct(slope);

  out.a += 2 * (db.transpose() * pull) + 2 * t.cwiseProduct(slope);
}

void Curvature::times_output(const Neurons& direction, Neurons& out) const {
  const Index one = pair_.value.cols() - 1;
  const double step = direction.output.value_or(0);
  const Vector<double> mean = pair_.value.col(one).matrix();
  const Vector<double> radial = 4 * student_.a.cwiseProduct(pair_.d1.col(one).matrix());
  out.w += (step * radial).asDiagonal() * student_.w;
  out.a += 2 * step * mean;
  double sum = 2 * step + 2 * mean.dot(direction.a);
  sum += radial.dot(student_.w.cwiseProduct(direction.w).rowwise().sum());
  if (student_.biased()) {
    const Vector<double> slope = 2 * student_.a.cwiseProduct(pair_.db.col(one).matrix());
    out.bias += step * slope;
    sum += slope.dot(direction.bias);
  }
  out.output = sum;
}

}  // namespace starling::students
