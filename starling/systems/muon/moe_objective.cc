#include "starling/systems/muon/moe_objective.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::muon {
namespace {

using base::Index;
using base::Points;
using base::Vector;
using Map = Eigen::Map<const Points<double>>;
using MutableMap = Eigen::Map<Points<double>>;

constexpr std::size_t q = 0, k = 1, v = 2, o = 3, w1 = 4, w2 = 5, gate = 6;

// What one expert says of the tokens, kept for the way back.
struct Expert {
  Points<double> xq, xk, attention, xv, mixed;  // mixed = A (XV)
  Points<double> after, inner, out;             // B, tanh(B W1), E
  Vector<double> logits;
};

class Moe : public Objective {
 public:
  Moe(Points<double> x, Points<double> y, MoeShape shape) : x_(std::move(x)), y_(std::move(y)) {
    const Index d = shape.width, h = shape.head, f = shape.hidden;
    if (d < 1 || h < 1 || f < 1 || x_.rows() < 1 || x_.cols() != d || y_.rows() != x_.rows() ||
        y_.cols() != d) {
      throw base::Error(
          base::ErrorKind::input,
          fmt::format("x ({}, {}), y ({}, {}), experts of width {}, head {}, hidden {}; expected "
                      "(tokens, width) twice, and sizes of at least 1",
                      x_.rows(), x_.cols(), y_.rows(), y_.cols(), d, h, f));
    }
    if (!x_.allFinite() || !y_.allFinite())
      throw base::Error(base::ErrorKind::input, "x or y hold numbers that are not finite");
    blocks_ = {{d, h}, {d, h}, {d, h}, {h, d}, {d, f}, {f, d}, {d, 1}};
    Index at = 0;
    for (const Block& block : blocks_) {
      begin_.push_back(at);
      at += block.size();
    }
  }

  const std::vector<Block>& blocks() const override { return blocks_; }

  double value(const Cloud& w, const Vector<double>& weights, Cloud* forces) const override {
    const Index n = w.rows(), tokens = x_.rows();
    std::vector<Expert> experts(static_cast<std::size_t>(n));
    base::parallel_chunks(
        n, 1, [&](Index i, Index) { experts[static_cast<std::size_t>(i)] = run(w.row(i).data()); });
    Vector<double> highest = Vector<double>::Constant(tokens, -std::numeric_limits<double>::infinity());
    for (const Expert& expert : experts) highest = highest.cwiseMax(expert.logits);
    Points<double> mean = Points<double>::Zero(tokens, x_.cols());
    Vector<double> mass = Vector<double>::Zero(tokens);
    for (Index i = 0; i < n; ++i) {
      Expert& expert = experts[static_cast<std::size_t>(i)];
      expert.logits = (expert.logits - highest).array().exp();  // now e^s, up to a factor that cancels
      mean += weights[i] * (expert.logits.asDiagonal() * expert.out);
      mass += weights[i] * expert.logits;
    }
    const Points<double> answer = mass.cwiseInverse().asDiagonal() * mean, residual = answer - y_;
    const double scale = 1 / static_cast<double>(y_.size());
    if (forces != nullptr) {
      forces->resize(n, w.cols());
      const Points<double> slope = scale * residual;
      base::parallel_chunks(n, 1, [&](Index i, Index) {
        const Expert& expert = experts[static_cast<std::size_t>(i)];
        const Vector<double> share = expert.logits.cwiseQuotient(mass);
        const Points<double> down = share.asDiagonal() * slope;
        const Vector<double> through_gate =
            share.cwiseProduct(slope.cwiseProduct(expert.out - answer).rowwise().sum());
        back(w.row(i).data(), expert, down, through_gate, forces->row(i).data());
      });
    }
    return 0.5 * scale * residual.squaredNorm();
  }

 private:
  Map block(const double* particle, std::size_t b) const {
    return {particle + begin_[b], blocks_[b].rows, blocks_[b].columns};
  }
  MutableMap block(double* particle, std::size_t b) const {
    return {particle + begin_[b], blocks_[b].rows, blocks_[b].columns};
  }
  double temperature() const { return std::sqrt(static_cast<double>(blocks_[q].columns)); }

  Expert run(const double* w) const {
    Expert e;
    e.xq = x_ * block(w, q);
    e.xk = x_ * block(w, k);
    e.xv = x_ * block(w, v);
    e.attention = e.xq * e.xk.transpose() / temperature();
    for (Index t = 0; t < e.attention.rows(); ++t) {
      e.attention.row(t) = (e.attention.row(t).array() - e.attention.row(t).maxCoeff()).exp();
      e.attention.row(t) /= e.attention.row(t).sum();
    }
    e.mixed = e.attention * e.xv;
    e.after = x_ + e.mixed * block(w, o);
    e.inner = (e.after * block(w, w1)).array().tanh();
    e.out = e.after + e.inner * block(w, w2);
    e.logits = x_ * block(w, gate);
    return e;
  }

  // From ∂J/∂E (tokens, width) and ∂J/∂s (tokens), both over the particle's weight.
  void back(const double* w, const Expert& e, const Points<double>& down, const Vector<double>& through_gate,
            double* g) const {
    block(g, gate) = x_.transpose() * through_gate;
    block(g, w2) = e.inner.transpose() * down;
    const Points<double> inner =
        (down * block(w, w2).transpose()).cwiseProduct((1 - e.inner.array().square()).matrix());
    block(g, w1) = e.after.transpose() * inner;
    const Points<double> after = down + inner * block(w, w1).transpose();
    block(g, o) = e.mixed.transpose() * after;
    const Points<double> mixed = after * block(w, o).transpose();
    block(g, v) = x_.transpose() * (e.attention.transpose() * mixed);
    Points<double> scores = mixed * e.xv.transpose();
    const Vector<double> mean = scores.cwiseProduct(e.attention).rowwise().sum();
    scores.colwise() -= mean;
    scores = scores.cwiseProduct(e.attention) / temperature();
    block(g, q) = x_.transpose() * (scores * e.xk);
    block(g, k) = x_.transpose() * (scores.transpose() * e.xq);
  }

  Points<double> x_, y_;
  std::vector<Block> blocks_;
  std::vector<Index> begin_;
};

}  // namespace

std::unique_ptr<Objective> moe_objective(Points<double> x, Points<double> y, MoeShape shape) {
  return std::make_unique<Moe>(std::move(x), std::move(y), shape);
}

}  // namespace starling::muon
