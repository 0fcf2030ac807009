#include "starling/systems/students/sample_loss.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <functional>

#include "starling/base/error.h"
#include "starling/base/parallel.h"
#include "starling/math/matrix_product.h"
#include "starling/nets/activation.h"

namespace starling::students {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::Vector;

constexpr Index rows_of_a_block = 256;

// Σ over blocks of samples of what `body` adds to a network's parts, in the order of the blocks.
Network sum_over_blocks(const Network& shape, Index samples,
                        const std::function<void(Index begin, Index rows, Network& sum)>& body) {
  Network zero = shape;
  zero.w.setZero();
  zero.bias.setZero();
  zero.a.setZero();
  zero.c.setZero();
  std::vector<Network> parts(static_cast<std::size_t>((samples + rows_of_a_block - 1) / rows_of_a_block),
                             zero);
  base::parallel_chunks(samples, rows_of_a_block, [&](Index begin, Index end) {
    body(begin, end - begin, parts[static_cast<std::size_t>(begin / rows_of_a_block)]);
  });
  for (std::size_t i = 1; i < parts.size(); ++i) {
    parts[0].w += parts[i].w;
    parts[0].bias += parts[i].bias;
    parts[0].a += parts[i].a;
    parts[0].c += parts[i].c;
  }
  return std::move(parts[0]);
}

// `rows` samples of a table from row `begin` on; the table outlives what is returned.
Eigen::Map<const Points<double>> block(const Points<double>& table, Index begin, Index rows) {
  return {table.data() + begin * table.cols(), rows, table.cols()};
}

Vector<double> scaled(const Network& sum, Biases biases, Index samples) {
  return (2.0 / static_cast<double>(samples)) * parameters_of(sum, biases);
}

}  // namespace

SampleLoss::SampleLoss(Network shape_of, Biases biases, Points<double> x, Points<double> y)
    : shape_(std::move(shape_of)), biases_(biases), x_(std::move(x)), y_(std::move(y)) {
  if (x_.rows() < 1) throw Error(ErrorKind::input, "sample loss: no samples; expected at least 1");
  if (x_.rows() == y_.rows() && x_.cols() == shape_.inputs() && y_.cols() == shape_.outputs()) return;
  throw Error(ErrorKind::usage,
              fmt::format("sample loss: x ({}, {}) and y ({}, {}) for a network of {} inputs and {} outputs",
                          x_.rows(), x_.cols(), y_.rows(), y_.cols(), shape_.inputs(), shape_.outputs()));
}

double SampleLoss::value(const Vector<double>& parameters) const {
  return (outputs(network(parameters), x_) - y_).squaredNorm() / static_cast<double>(x_.rows());
}

SampleLoss::Point SampleLoss::at(const Vector<double>& parameters) const {
  const Index samples = x_.rows(), d = shape_.inputs(), n = shape_.neurons(), o = shape_.outputs();
  Point p;
  p.loss_ = this;
  p.network_ = network(parameters);
  p.s_.resize(samples, n);
  p.s1_.resize(samples, n);
  p.s2_.resize(samples, n);
  p.g_.resize(samples, n);
  p.r_.resize(samples, o);
  const Network sum = sum_over_blocks(shape_, samples, [&](Index begin, Index rows, Network& part) {
    Points<double> h(rows, n);
    math::product_nt(rows, d, n, x_.data() + begin * d, p.network_.w.data(), h.data());
    h.rowwise() += p.network_.bias.transpose();
    nets::activate_twice_differentiated(p.network_.activation, h, p.s_.middleRows(begin, rows),
                                        p.s1_.middleRows(begin, rows), p.s2_.middleRows(begin, rows));
    auto r = p.r_.middleRows(begin, rows);
    math::product(rows, n, o, p.s_.data() + begin * n, p.network_.a.data(), p.r_.data() + begin * o);
    r.rowwise() += p.network_.c.transpose();
    r -= y_.middleRows(begin, rows);
    math::product_nt(rows, o, n, p.r_.data() + begin * o, p.network_.a.data(), p.g_.data() + begin * n);
    const Points<double> down = block(p.g_, begin, rows).cwiseProduct(block(p.s1_, begin, rows));
    math::product_tn(n, rows, d, down.data(), x_.data() + begin * d, part.w.data());
    part.bias = down.colwise().sum();
    math::product_tn(n, rows, o, p.s_.data() + begin * n, p.r_.data() + begin * o, part.a.data());
    part.c = block(p.r_, begin, rows).colwise().sum();
  });
  p.gradient_ = scaled(sum, biases_, samples);
  p.value_ = p.r_.squaredNorm() / static_cast<double>(samples);
  return p;
}

Vector<double> SampleLoss::Point::times(const Vector<double>& direction, SecondOrder order) const {
  const Points<double>& x = loss_->x_;
  const Index samples = x.rows(), d = x.cols(), n = s_.cols(), o = r_.cols();
  Network still = network_;  // a direction has no part where the biases are fixed
  still.bias.setZero();
  still.c.setZero();
  const Network v = with_parameters(still, loss_->biases_, direction);
  const bool exact = order == SecondOrder::exact;
  const Network sum = sum_over_blocks(network_, samples, [&](Index begin, Index rows, Network& part) {
    const auto s = block(s_, begin, rows), s1 = block(s1_, begin, rows), s2 = block(s2_, begin, rows);
    const auto r = block(r_, begin, rows);
    Points<double> dh(rows, n), df(rows, o), up(rows, n);  // derivatives along the direction
    math::product_nt(rows, d, n, x.data() + begin * d, v.w.data(), dh.data());
    dh.rowwise() += v.bias.transpose();
    const Points<double> ds = s1.cwiseProduct(dh);
    math::product(rows, n, o, ds.data(), network_.a.data(), df.data());
    math::product(rows, n, o, s.data(), v.a.data(), df.data(), math::Into::add);
    df.rowwise() += v.c.transpose();
    math::product_nt(rows, o, n, df.data(), network_.a.data(), up.data());
    if (exact) math::product_nt(rows, o, n, r.data(), v.a.data(), up.data(), math::Into::add);
    up.array() *= s1.array();
    if (exact) up.array() += block(g_, begin, rows).array() * s2.array() * dh.array();
    math::product_tn(n, rows, d, up.data(), x.data() + begin * d, part.w.data());
    part.bias = up.colwise().sum();
    math::product_tn(n, rows, o, s.data(), df.data(), part.a.data());
    if (exact) math::product_tn(n, rows, o, ds.data(), r.data(), part.a.data(), math::Into::add);
    part.c = df.colwise().sum();
  });
  return scaled(sum, loss_->biases_, samples);
}

Network with_best_outgoing(const Network& network, Biases biases, const base::PointsRef<double>& x,
                           const base::PointsRef<double>& y) {
  const Index n = network.neurons(), columns = biases == Biases::free ? n + 1 : n;
  Points<double> s(x.rows(), columns), target = y;
  s.leftCols(n) = activations(network, x);
  if (biases == Biases::free) {
    s.col(n).setOnes();
  } else {
    target.rowwise() -= network.c.transpose();
  }
  Eigen::MatrixXd gram(columns, columns), right(columns, y.cols());
  gram.noalias() = s.transpose() * s;
  right.noalias() = s.transpose() * target;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> modes(gram);
  const double smallest = 1e-12 * modes.eigenvalues()[columns - 1];
  const Eigen::VectorXd inverse =
      modes.eigenvalues().unaryExpr([smallest](double value) { return value > smallest ? 1 / value : 0.0; });
  const Eigen::MatrixXd best =
      modes.eigenvectors() * (inverse.asDiagonal() * (modes.eigenvectors().transpose() * right));
  Network out = network;
  out.a = best.topRows(n);
  if (biases == Biases::free) out.c = best.row(n).transpose();
  return out;
}

double variance_of(const base::PointsRef<double>& y) {
  const Eigen::RowVectorXd mean = y.colwise().mean();
  return (y.rowwise() - mean).squaredNorm() / static_cast<double>(y.rows());
}

}  // namespace starling::students
