#include "starling/systems/students/symmetric_spectrum.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <utility>

namespace starling::students {
namespace {

using base::Index;
using Directions = std::vector<Neurons>;

using Block = IsotypicBlock;

// Directions in the student's space; p, m, n, d in the notation of the header.
struct Space {
  explicit Space(const Symmetry& s)
      : p(s.moving), m(s.rest), n(s.moving + (s.lone ? 1 : 0)), d(s.moving + s.rest + s.idle), lone(s.lone) {}

  Neurons zero() const { return {.w = base::Points<double>::Zero(n, d), .a = base::Vector<double>::Zero(n)}; }
  // w_ij = row_i column_j over given rows and columns.
  Neurons outer(const Eigen::VectorXd& row, const Eigen::VectorXd& column) const {
    Neurons out = zero();
    out.w = row * column.transpose();
    return out;
  }
  // The same among the moving neurons, off the diagonal.
  Neurons off_diagonal(const Eigen::VectorXd& row, const Eigen::VectorXd& column) const {
    Neurons out = outer(row, column);
    for (Index i = 0; i < p; ++i) out.w(i, i) = 0;
    return out;
  }
  Neurons diagonal(const Eigen::VectorXd& row) const {
    Neurons out = zero();
    for (Index i = 0; i < p; ++i) out.w(i, i) = row[i];
    return out;
  }
  Neurons outgoing(const Eigen::VectorXd& row) const {
    Neurons out = zero();
    out.a = row;
    return out;
  }
  // One on [first, first + count) of `size`.
  static Eigen::VectorXd ones(Index size, Index first, Index count) {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(size);
    out.segment(first, count).setOnes();
    return out;
  }
  // e_first - e_(first+1).
  static Eigen::VectorXd contrast(Index size, Index first) {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(size);
    out[first] = 1;
    out[first + 1] = -1;
    return out;
  }
  Eigen::VectorXd students() const { return ones(n, 0, p); }
  Eigen::VectorXd teachers() const { return ones(d, 0, p); }
  Eigen::VectorXd others() const { return ones(d, p, m); }
  Eigen::VectorXd single() const { return ones(n, p, 1); }

  Index p, m, n, d;
  bool lone;
};

// What each copy of the standard representation of S_p does with the contrast e_1 - e_2 (or, for the trivial
// one, with the constant): corresponding directions, so that they span a space that the Hessian maps into
// itself.
Directions copies(const Space& s, const Eigen::VectorXd& row, const Eigen::VectorXd& column) {
  return {s.diagonal(row), s.off_diagonal(row, s.teachers()), s.off_diagonal(s.students(), column),
          s.outer(row, s.others()), s.outgoing(row)};
}

Block trivial(const Space& s) {
  Block out{.directions = copies(s, s.students(), s.teachers()), .multiplicity = 1};
  if (!s.lone) return out;
  out.directions.push_back(s.outer(s.single(), s.teachers()));
  out.directions.push_back(s.outer(s.single(), s.others()));
  out.directions.push_back(s.outgoing(s.single()));
  return out;
}

Block standard(const Space& s) {
  const Eigen::VectorXd row = Space::contrast(s.n, 0), column = Space::contrast(s.d, 0);
  Block out{.directions = copies(s, row, column), .multiplicity = 0};
  if (s.lone) out.directions.push_back(s.outer(s.single(), column));
  return out;
}

// Symmetric matrices with zero rows sums and diagonal; four students at least.
Block two_rows(const Space& s) {
  Neurons x = s.outer(Space::contrast(s.n, 0), Space::contrast(s.d, 2));
  x.w += s.outer(Space::contrast(s.n, 2), Space::contrast(s.d, 0)).w;
  return {.directions = {x}, .multiplicity = 0};
}

// Antisymmetric matrices with zero row sums; three students at least.
Block hook(const Space& s) {
  Neurons x = s.zero();
  for (Index i = 0; i < 3; ++i) {
    x.w(i, (i + 1) % 3) = 1;
    x.w((i + 1) % 3, i) = -1;
  }
  return {.directions = {x}, .multiplicity = 0};
}

// The same for all moving students: along `column` only.
Block uniform(const Space& s, const Eigen::VectorXd& column, Index multiplicity) {
  Block out{.directions = {s.outer(s.students(), column)}, .multiplicity = multiplicity};
  if (s.lone) out.directions.push_back(s.outer(s.single(), column));
  return out;
}

Block times(Index multiplicity, Block block) {
  block.multiplicity = multiplicity;
  return block;
}

// Gram and Schmidt; directions that are empty or dependent for small p and m drop out.
Directions orthonormal(const Directions& given) {
  Directions out;
  for (Neurons x : given) {
    const double length = std::sqrt(inner(x, x));
    for (const Neurons& q : out) {
      const double share = inner(q, x);
      x.w -= share * q.w;
      x.a -= share * q.a;
    }
    const double left = std::sqrt(inner(x, x));
    if (left <= 1e-8 * length) continue;
    x.w /= left;
    x.a /= left;
    out.push_back(std::move(x));
  }
  return out;
}

}  // namespace

std::vector<IsotypicBlock> isotypic_blocks(const Symmetry& drawn, const Symmetry& counted) {
  const Space s(drawn);
  const Index p = counted.moving, m = counted.rest, idle = counted.idle;
  std::vector<Block> out{trivial(s)};
  if (p >= 2) out.push_back(times(p - 1, standard(s)));
  if (p >= 3) out.push_back(times((p - 1) * (p - 2) / 2, hook(s)));
  if (p >= 4) out.push_back(times(p * (p - 3) / 2, two_rows(s)));
  const auto along = [&](const Eigen::VectorXd& column, Index count) {
    out.push_back(uniform(s, column, count));
    if (p < 2) return;
    out.push_back(
        {.directions = {s.outer(Space::contrast(s.n, 0), column)}, .multiplicity = (p - 1) * count});
  };
  if (m >= 2) along(Space::contrast(s.d, s.p), m - 1);
  if (idle >= 1) along(Space::ones(s.d, s.d - 1, 1), idle);
  return out;
}

double inner(const Neurons& x, const Neurons& y) {
  return x.w.cwiseProduct(y.w).sum() + x.a.dot(y.a);
}

Eigen::MatrixXd restricted(const Curvature& curvature, const Directions& basis) {
  const Index size = static_cast<Index>(basis.size());
  Eigen::MatrixXd out(size, size);
  for (Index j = 0; j < size; ++j) {
    const Neurons image = curvature.times(basis[static_cast<std::size_t>(j)]);
    for (Index i = 0; i < size; ++i) out(i, j) = inner(basis[static_cast<std::size_t>(i)], image);
  }
  return (out + out.transpose()) / 2;
}

Directions symmetric_directions(const Symmetry& symmetry) {
  return orthonormal(trivial(Space(symmetry)).directions);
}

std::vector<Level> symmetric_spectrum(const Curvature& curvature, const Symmetry& symmetry) {
  std::vector<Level> out;
  for (const Block& block : isotypic_blocks(symmetry, symmetry)) {
    const Directions basis = orthonormal(block.directions);
    if (basis.empty()) continue;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(restricted(curvature, basis),
                                                                Eigen::EigenvaluesOnly);
    for (const double value : solver.eigenvalues()) out.push_back({value, block.multiplicity});
  }
  std::sort(out.begin(), out.end(), [](const Level& x, const Level& y) { return x.value < y.value; });
  return out;
}

base::Index negative_count(const std::vector<Level>& levels, double cut) {
  if (levels.empty()) return 0;
  const double lowest = -cut * levels.back().value;
  Index count = 0;
  for (const Level& level : levels) count += level.value < lowest ? level.multiplicity : 0;
  return count;
}

}  // namespace starling::students
