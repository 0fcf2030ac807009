#include "starling/systems/muon/kinetic.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::muon {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::Vector;
using Map = Eigen::Map<const Points<double>>;
using MutableMap = Eigen::Map<Points<double>>;

constexpr Index particles_at_once = 64;

// Of a matrix with two rows, its Gram matrix G and e: the square root of G + e² I is (G + e² I + s I) / t
// with s = √det(G + e² I) and t = √(tr(G + e² I) + 2 s), so that Σ √(s_i² + e²) = t.
struct TwoRows {
  double g00, g01, g11, e2, determinant, s, t;  // determinant: of G
  template <class Matrix>
  TwoRows(const Matrix& m, double e) : e2(e * e) {
    g00 = m.row(0).squaredNorm();
    g11 = m.row(1).squaredNorm();
    g01 = m.row(0).dot(m.row(1));
    // From what one row has apart from the other: g00 g11 - g01² is rounding for nearly parallel rows.
    const Index longer = g00 >= g11 ? 0 : 1;
    const double longest = std::max(g00, g11);
    determinant =
        longest > 0 ? longest * (m.row(1 - longer) - (g01 / longest) * m.row(longer)).squaredNorm() : 0;
    s = std::sqrt(determinant + e2 * (g00 + g11) + e2 * e2);
    t = std::sqrt(g00 + g11 + 2 * e2 + 2 * s);
  }
  // Σ (√(s_i² + e²) - e) = (t² - 4 e²) / (t + 2 e) with t² - 4 e² = tr G + 2 (s - e²), free of cancellation.
  double potential(double e) const {
    const double trace = g00 + g11, excess = (determinant + e2 * trace) / (s + e2);
    return (trace + 2 * excess) / (t + 2 * e);
  }
};

template <class Matrix, class Out>
void map_two_rows(const Matrix& m, double e, Out&& out) {
  const TwoRows two(m, e);
  const double scale = 1 / (two.s * two.t);
  // The inverse root: the adjugate of (G + e² I + s I) / t over its determinant s.
  const double a = scale * (two.g11 + two.e2 + two.s), b = -scale * two.g01,
               c = scale * (two.g00 + two.e2 + two.s);
  const Eigen::RowVectorXd first = a * m.row(0) + b * m.row(1), second = b * m.row(0) + c * m.row(1);
  out.row(0) = first;
  out.row(1) = second;
}

bool is_closed(const Block& block, math::Smoothing smoothing) {
  return smoothing == math::Smoothing::hyperbolic && std::min(block.rows, block.columns) <= 2;
}

void map_block(const Block& block, const math::SpectralMap& map, math::Smoothing smoothing, const double* p,
               double* out) {
  const Map m(p, block.rows, block.columns);
  MutableMap answer(out, block.rows, block.columns);
  if (!is_closed(block, smoothing)) {
    answer = map(m);
  } else if (std::min(block.rows, block.columns) == 1) {
    answer = m / std::sqrt(m.squaredNorm() + map.epsilon() * map.epsilon());
  } else if (block.rows == 2) {
    map_two_rows(m, map.epsilon(), answer);
  } else {
    map_two_rows(m.transpose(), map.epsilon(), answer.transpose());
  }
}

double potential_of(const Block& block, const math::SpectralMap& map, math::Smoothing smoothing,
                    const double* p) {
  const Map m(p, block.rows, block.columns);
  if (!is_closed(block, smoothing)) return map.potential(m);
  if (std::min(block.rows, block.columns) == 1) return map.psi(m.norm());
  if (block.rows == 2) return TwoRows(m, map.epsilon()).potential(map.epsilon());
  return TwoRows(m.transpose(), map.epsilon()).potential(map.epsilon());
}

// √ of the eigenvalues of S + e² I, and its eigenvectors.
Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> stacked_modes(const Cloud& p, const Vector<double>& weights,
                                                             double e) {
  Eigen::MatrixXd s = p.transpose() * weights.asDiagonal() * p;
  s.diagonal().array() += e * e;
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(s);
}

}  // namespace

Kinetic::Kinetic(std::vector<Block> blocks, std::vector<double> epsilons, Reading reading,
                 math::Smoothing smoothing)
    : blocks_(std::move(blocks)), epsilons_(std::move(epsilons)), reading_(reading), smoothing_(smoothing) {
  if (epsilons_.size() == 1) epsilons_.resize(blocks_.size(), epsilons_.front());
  if (epsilons_.size() != blocks_.size()) {
    throw Error(ErrorKind::usage, fmt::format("epsilon: {} numbers for {} blocks; expected one, or one each",
                                              epsilons_.size(), blocks_.size()));
  }
  for (const double e : epsilons_) [[maybe_unused]] const math::SpectralMap refuses_a_wrong_one(e, smoothing);
  if (reading == Reading::stacked &&
      (blocks_.size() != 1 || blocks_[0].rows != 1 || smoothing != math::Smoothing::hyperbolic))
    throw Error(ErrorKind::usage,
                "the stacked reading takes particles of one row and the hyperbolic smoothing");
}

void Kinetic::velocity(const Cloud& p, const Vector<double>& weights, Cloud& out) const {
  out.resize(p.rows(), p.cols());
  if (reading_ == Reading::stacked) {
    const auto modes = stacked_modes(p, weights, epsilons_[0]);
    out.noalias() = p * modes.operatorInverseSqrt();
    return;
  }
  base::parallel_chunks(p.rows(), particles_at_once, [&](Index begin, Index end) {
    Index at = 0;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      const math::SpectralMap map(epsilons_[b], smoothing_);
      for (Index i = begin; i < end; ++i)
        map_block(blocks_[b], map, smoothing_, p.row(i).data() + at, out.row(i).data() + at);
      at += blocks_[b].size();
    }
  });
}

Vector<double> Kinetic::energies(const Cloud& p) const {
  Vector<double> out = Vector<double>::Zero(p.rows());
  base::parallel_chunks(p.rows(), particles_at_once, [&](Index begin, Index end) {
    Index at = 0;
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      const math::SpectralMap map(epsilons_[b], smoothing_);
      for (Index i = begin; i < end; ++i)
        out[i] += potential_of(blocks_[b], map, smoothing_, p.row(i).data() + at);
      at += blocks_[b].size();
    }
  });
  return out;
}

double Kinetic::energy(const Cloud& p, const Vector<double>& weights) const {
  if (reading_ == Reading::particles) return weights.dot(energies(p));
  const auto modes = stacked_modes(p, weights, epsilons_[0]);
  const double e2 = epsilons_[0] * epsilons_[0];
  double sum = 0;
  for (const double value : modes.eigenvalues()) {
    const double root = std::sqrt(std::max(value, e2));
    sum += (root * root - e2) / (root + epsilons_[0]);
  }
  return sum;
}

}  // namespace starling::muon
