#include "starling/systems/students/large_spectrum.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <utility>

#include "starling/systems/students/taylor.h"

namespace starling::students {
namespace {

using base::Index;

// Directions move at most four moving neurons and two of the rest apart from the others. Of the others, two
// neurons are drawn to form a pair, and a third coordinate stands for all that remain.
constexpr Index apart = 4, drawn_moving = apart + 3, drawn_rest = 3;

class Drawing {
 public:
  explicit Drawing(const SymmetricPoint& point)
      : point_(point), counted_(point.symmetry), drawn_(point.symmetry) {
    drawn_.moving = std::min(counted_.moving, drawn_moving);
    drawn_.rest = std::min(counted_.rest, drawn_rest);
    drawn_.idle = std::min<Index>(counted_.idle, 1);
    many_ = counted_.moving > drawn_moving;
    // A coordinate that stands for c others has the length √c of their sum.
    scale_ = Eigen::VectorXd::Ones(drawn_.moving + drawn_.rest + drawn_.idle);
    if (many_) scale_[drawn_moving - 1] = std::sqrt(real(counted_.moving - drawn_moving + 1));
    if (counted_.rest > drawn_rest)
      scale_[drawn_.moving + drawn_rest - 1] = std::sqrt(real(counted_.rest - drawn_rest + 1));
  }

  const Symmetry& drawn() const { return drawn_; }

  std::vector<Level> levels(const IsotypicBlock& block) const {
    const Index size = static_cast<Index>(block.directions.size());
    const Eigen::MatrixXd hessian = loss(block.directions).bend;
    Eigen::MatrixXd metric(size, size);
    for (Index i = 0; i < size; ++i) {
      for (Index j = 0; j < size; ++j)
        metric(i, j) = product(block.directions[at(i)], block.directions[at(j)]);
    }
    // Directions that are empty or dependent for few neurons drop out with the null space of the metric.
    const Eigen::VectorXd lengths = metric.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
    const Eigen::MatrixXd unit = lengths.asDiagonal() * metric * lengths.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> shape(unit);
    const Index kept = (shape.eigenvalues().array() > 1e-12).count();
    const Eigen::MatrixXd basis = lengths.asDiagonal() * shape.eigenvectors().rightCols(kept) *
                                  shape.eigenvalues().tail(kept).cwiseSqrt().cwiseInverse().asDiagonal();
    std::vector<Level> out;
    if (kept == 0) return out;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(basis.transpose() * hessian * basis,
                                                                Eigen::EigenvaluesOnly);
    for (const double value : solver.eigenvalues()) out.push_back({value, block.multiplicity});
    return out;
  }

 private:
  static double real(Index count) { return static_cast<double>(count); }
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  Index students() const { return many_ ? apart + 1 : drawn_.moving; }  // drawn rows that stand for all
  double count(Index row) const { return many_ && row == apart ? real(counted_.moving - apart) : 1; }

  Neurons student() const {
    const Index p = drawn_.moving, n = p + (drawn_.lone ? 1 : 0);
    Neurons out{.w = base::Points<double>::Zero(n, scale_.size()),
                .a = base::Vector<double>::Constant(n, point_.outgoing)};
    out.w.topLeftCorner(p, p).setConstant(point_.other);
    out.w.topLeftCorner(p, p).diagonal().setConstant(point_.own);
    out.w.block(0, p, p, drawn_.rest).setConstant(point_.rest);
    if (!drawn_.lone) return out;
    out.w.row(p).head(p).setConstant(point_.lone_moving);
    out.w.row(p).segment(p, drawn_.rest).setConstant(point_.lone_rest);
    out.a[p] = point_.lone_outgoing;
    return out;
  }

  Eigen::RowVectorXd row(const Neurons& x, Index i) const {
    return x.w.row(i).cwiseProduct(scale_.transpose());
  }

  double product(const Neurons& x, const Neurons& y) const {
    double sum = 0;
    for (Index i = 0; i < students(); ++i) sum += count(i) * (row(x, i).dot(row(y, i)) + x.a[i] * y.a[i]);
    if (drawn_.lone)
      sum += row(x, drawn_.moving).dot(row(y, drawn_.moving)) + x.a[drawn_.moving] * y.a[drawn_.moving];
    return sum;
  }

  // The loss, but for a constant, along the directions.
  Taylor loss(const std::vector<Neurons>& directions) const {
    const Neurons x = student();
    Taylor sum = Taylor::constant(0, static_cast<Index>(directions.size()));
    const auto add_row = [&](Index i, double copies) {
      add_pairs(sum, x, directions, i, copies);
      add_teachers(sum, x, directions, i, copies);
    };
    for (Index i = 0; i < students(); ++i) add_row(i, count(i));
    if (drawn_.lone) add_row(drawn_.moving, 1);
    return sum;
  }

  void add_pairs(Taylor& sum, const Neurons& x, const std::vector<Neurons>& along, Index i,
                 double copies) const {
    const auto add = [&](Index j, double partners) {
      const Taylor q1 = dot(x, along, i, i), c = dot(x, along, i, j), q2 = dot(x, along, j, j);
      const Overlap pair = i == j ? self_overlap(q1.value) : overlap(row(x, i), row(x, j));
      const Taylor g = composed(kernel(point_.activation, pair), q1, c, q2);
      sum = sum + (copies * partners) * (outgoing(x, along, i) * outgoing(x, along, j) * g);
    };
    const bool represents = many_ && i == apart;
    for (Index j = 0; j < students(); ++j) add(j, represents && j == apart ? 1 : count(j));
    if (represents) add(apart + 1, real(counted_.moving - apart - 1));
    if (drawn_.lone) add(drawn_.moving, 1);
  }

  void add_teachers(Taylor& sum, const Neurons& x, const std::vector<Neurons>& along, Index i,
                    double copies) const {
    const Taylor one = Taylor::constant(1, sum.slope.size()), q = dot(x, along, i, i),
                 a = outgoing(x, along, i);
    const auto add = [&](Index j, double partners) {
      Taylor c = Taylor::constant(x.w(i, j), sum.slope.size());
      for (Index s = 0; s < c.slope.size(); ++s) c.slope[s] = along[at(s)].w(i, j);
      const Overlap pair = overlap(q.value, c.value, 1);
      sum = sum + (-2 * copies * partners) * (a * composed(kernel(point_.activation, pair), q, c, one));
    };
    const bool represents = many_ && i == apart;
    for (Index j = 0; j < students(); ++j) add(j, represents && j == apart ? 1 : count(j));
    if (represents) add(apart + 1, real(counted_.moving - apart - 1));
    for (Index j = drawn_.moving; j < drawn_.moving + drawn_.rest; ++j) add(j, scale_[j] * scale_[j]);
  }

  Taylor dot(const Neurons& x, const std::vector<Neurons>& along, Index i, Index j) const {
    const Index size = static_cast<Index>(along.size());
    Taylor out = Taylor::constant(row(x, i).dot(row(x, j)), size);
    for (Index s = 0; s < size; ++s) {
      const Neurons& u = along[at(s)];
      out.slope[s] = row(u, i).dot(row(x, j)) + row(x, i).dot(row(u, j));
      for (Index t = 0; t < size; ++t)
        out.bend(s, t) = row(u, i).dot(row(along[at(t)], j)) + row(along[at(t)], i).dot(row(u, j));
    }
    return out;
  }

  Taylor outgoing(const Neurons& x, const std::vector<Neurons>& along, Index i) const {
    Taylor out = Taylor::constant(x.a[i], static_cast<Index>(along.size()));
    for (Index s = 0; s < out.slope.size(); ++s) out.slope[s] = along[at(s)].a[i];
    return out;
  }

  SymmetricPoint point_;
  Symmetry counted_, drawn_;
  bool many_ = false;
  Eigen::VectorXd scale_;
};

}  // namespace

std::vector<Level> large_spectrum(const SymmetricPoint& point) {
  const Drawing drawing(point);
  std::vector<Level> out;
  for (const IsotypicBlock& block : isotypic_blocks(drawing.drawn(), point.symmetry)) {
    const std::vector<Level> levels = drawing.levels(block);
    out.insert(out.end(), levels.begin(), levels.end());
  }
  std::sort(out.begin(), out.end(), [](const Level& x, const Level& y) { return x.value < y.value; });
  return out;
}

base::Index exact_index(const std::vector<Level>& levels) {
  return negative_count(levels, 1e-12);
}

}  // namespace starling::students
