#include "starling/systems/muon/objective.h"

#include <fmt/format.h>

#include <utility>

#include "starling/base/error.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::Vector;

using MatrixMap = Eigen::Map<const Points<double>>;

class TwoLayer : public Objective {
 public:
  TwoLayer(Points<double> x, Vector<double> y, Vector<double> readout)
      : x_(std::move(x)),
        y_(std::move(y)),
        readout_(std::move(readout)),
        blocks_{{readout_.size(), x_.cols()}} {
    if (x_.rows() < 1 || x_.rows() != y_.size() || x_.cols() < 1 || readout_.size() < 1) {
      throw Error(
          ErrorKind::input,
          fmt::format("features ({}, {}), targets ({}), readout ({}); expected (n, d), (n), (m) without "
                      "an empty extent",
                      x_.rows(), x_.cols(), y_.size(), readout_.size()));
    }
    if (!x_.allFinite() || !y_.allFinite() || !readout_.allFinite())
      throw Error(ErrorKind::input, "features, targets or readout hold numbers that are not finite");
  }

  const std::vector<Block>& blocks() const override { return blocks_; }

  double value(const Cloud& w, const Vector<double>& weights, Cloud* forces) const override {
    const Index n = w.rows(), m = readout_.size(), d = x_.cols(), samples = x_.rows();
    // All rows of all matrices at once: (N m, d).
    const MatrixMap rows(w.data(), n * m, d);
    Points<double> hidden = (rows * x_.transpose()).array().tanh();
    Vector<double> residual = -y_;
    for (Index i = 0; i < n; ++i)
      residual += weights[i] * (hidden.middleRows(i * m, m).transpose() * readout_);
    const double scale = 1 / static_cast<double>(samples);
    if (forces != nullptr) {
      forces->resize(n, m * d);
      const Vector<double> slope = scale * residual;
      hidden = (1 - hidden.array().square()).matrix();
      for (Index i = 0; i < n; ++i)
        hidden.middleRows(i * m, m) =
            readout_.asDiagonal() * hidden.middleRows(i * m, m) * slope.asDiagonal();
      Eigen::Map<Points<double>>(forces->data(), n * m, d).noalias() = hidden * x_;
    }
    return 0.5 * scale * residual.squaredNorm();
  }

 private:
  Points<double> x_;
  Vector<double> y_, readout_;
  std::vector<Block> blocks_;
};

class LeastSquares : public Objective {
 public:
  LeastSquares(Vector<double> left, Points<double> target, Vector<double> right)
      : left_(std::move(left)),
        right_(std::move(right)),
        target_(std::move(target)),
        blocks_{{target_.rows(), target_.cols()}} {
    if (target_.size() == 0 || left_.size() != target_.rows() || right_.size() != target_.cols()) {
      throw Error(ErrorKind::input,
                  fmt::format("left ({}), target ({}, {}), right ({}); expected (m), (m, d), (d)",
                              left_.size(), target_.rows(), target_.cols(), right_.size()));
    }
    if (!left_.allFinite() || !target_.allFinite() || !right_.allFinite())
      throw Error(ErrorKind::input, "left, target or right hold numbers that are not finite");
  }

  const std::vector<Block>& blocks() const override { return blocks_; }

  double value(const Cloud& w, const Vector<double>& weights, Cloud* forces) const override {
    const Eigen::RowVectorXd mean = weights.transpose() * w;
    const Points<double> residual = left_.asDiagonal() *
                                    (MatrixMap(mean.data(), target_.rows(), target_.cols()) - target_) *
                                    right_.asDiagonal();
    if (forces != nullptr) {
      const Points<double> force = left_.asDiagonal() * residual * right_.asDiagonal();
      *forces = Eigen::Map<const Eigen::RowVectorXd>(force.data(), force.size()).replicate(w.rows(), 1);
    }
    return 0.5 * residual.squaredNorm();
  }

 private:
  Vector<double> left_, right_;
  Points<double> target_;
  std::vector<Block> blocks_;
};

}  // namespace

Index Objective::particle_size() const {
  Index size = 0;
  for (const Block& block : blocks()) size += block.size();
  return size;
}

Vector<double> equal_weights(Index n) {
  return Vector<double>::Constant(n, 1 / static_cast<double>(n));
}

std::unique_ptr<Objective> two_layer_objective(Points<double> x, Vector<double> y, Vector<double> readout) {
  return std::make_unique<TwoLayer>(std::move(x), std::move(y), std::move(readout));
}

std::unique_ptr<Objective> mean_matrix_objective(Points<double> target) {
  const Vector<double> left = Vector<double>::Ones(target.rows()),
                       right = Vector<double>::Ones(target.cols());
  return std::make_unique<LeastSquares>(left, std::move(target), right);
}

std::unique_ptr<Objective> least_squares_objective(Vector<double> left, Points<double> target,
                                                   Vector<double> right) {
  return std::make_unique<LeastSquares>(std::move(left), std::move(target), std::move(right));
}

}  // namespace starling::muon
