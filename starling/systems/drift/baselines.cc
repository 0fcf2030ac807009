#include "starling/systems/drift/baselines.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "starling/base/parallel.h"
#include "starling/kernels/mean_shift.h"

namespace starling::drift {
namespace {

using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;

constexpr Index chunk = 64;

void check(const PointsRef<double>& x, const PointsRef<double>& y, double h) {
  FieldSpec spec;
  spec.scale = h;
  require_compatible(spec, x.cols(), y.cols());
  require_finite<double>(x, "x");
  require_finite<double>(y, "y");
}

// (1/M) Σ_j k(z, c_j) (c_j - z) / h² at z: the gradient of the mean kernel, from the mean shift and its mass.
Points<double> mean_kernel_gradient(const PointsRef<double>& z, const PointsRef<double>& cloud, double h) {
  Points<double> shift(z.rows(), z.cols());
  Vector<double> log_mass(z.rows());
  kernels::mean_shift<double>(kernels::Radial::gaussian, h, kernels::SelfPair::included, z.data(), z.rows(),
                              cloud.data(), cloud.rows(), z.cols(), shift.data(), log_mass.data());
  const Vector<double> factor = log_mass.array().exp() / (static_cast<double>(cloud.rows()) * h * h);
  return factor.asDiagonal() * shift;
}

// A particle's place on one line, and its row.
struct Projected {
  double place;
  Index row;
  bool operator<(const Projected& other) const {
    return place < other.place || (place == other.place && row < other.row);
  }
};

// The mean of the data's quantile function over ((i/n), (i+1)/n], for each rank i: `sorted` has m steps of
// mass 1/m. In units of 1/(n m) every boundary is an integer, so that equal ones are seen as equal.
Vector<double> quantile_means(const std::vector<double>& sorted, Index n) {
  const auto m = static_cast<Index>(sorted.size());
  Vector<double> out = Vector<double>::Zero(n);
  for (Index i = 0, j = 0, done = 0; i < n && j < m;) {
    const Index own_end = (i + 1) * m, data_end = (j + 1) * n, end = std::min(own_end, data_end);
    out(i) += static_cast<double>(end - done) / static_cast<double>(m) * sorted[static_cast<std::size_t>(j)];
    done = end;
    if (own_end == end) ++i;
    if (data_end == end) ++j;
  }
  return out;
}

// How far each particle has to go along one direction.
Vector<double> line_moves(const PointsRef<double>& x, const PointsRef<double>& y,
                          const Vector<double>& direction) {
  const Vector<double> along_x = x * direction, along_y = y * direction;
  std::vector<Projected> order(static_cast<std::size_t>(x.rows()));
  for (Index i = 0; i < x.rows(); ++i) order[static_cast<std::size_t>(i)] = {along_x(i), i};
  std::sort(order.begin(), order.end());
  std::vector<double> data(along_y.begin(), along_y.end());
  std::sort(data.begin(), data.end());
  const Vector<double> goals = quantile_means(data, x.rows());
  Vector<double> out(x.rows());
  for (Index i = 0; i < x.rows(); ++i) {
    const Projected& particle = order[static_cast<std::size_t>(i)];
    out(particle.row) = goals(i) - particle.place;
  }
  return out;
}

Points<double> conservative(const PointsRef<double>& z, const PointsRef<double>& x, const Target& target) {
  return target.score(z) - Target::data(x, target.bandwidth()).score(z);
}

constexpr double nodes_per_bandwidth = 4, reach = 8;  // exp(-32) = 1e-14 is left out

// A regular grid over the cloud and `reach` bandwidths around it; the second axis has one node in one
// dimension.
struct Grid {
  double low[2] = {0, 0}, step = 1;
  Index nodes[2] = {1, 1};

  Grid(const PointsRef<double>& x, double h) : step(h / nodes_per_bandwidth) {
    for (Index k = 0; k < x.cols(); ++k) {
      low[k] = x.col(k).minCoeff() - reach * h;
      nodes[k] = static_cast<Index>(std::ceil((x.col(k).maxCoeff() + reach * h - low[k]) / step)) + 1;
    }
  }
  Points<double> points(Index d) const {
    Points<double> out(nodes[0] * nodes[1], d);
    for (Index i = 0; i < out.rows(); ++i) {
      const Index row = i / nodes[1];
      out(i, 0) = low[0] + step * static_cast<double>(row);
      if (d == 2) out(i, 1) = low[1] + step * static_cast<double>(i % nodes[1]);
    }
    return out;
  }
};

// Σ_nodes K_h(x_i - node) v(node) step^d over the nodes within reach: a product of one row of weights an
// axis.
Points<double> smooth_on_grid(const PointsRef<double>& x, const Grid& grid, const Points<double>& v,
                              double h) {
  const Index d = x.cols();
  Points<double> out = Points<double>::Zero(x.rows(), d);
  const double norm = grid.step / (h * std::sqrt(2 * std::numbers::pi));
  base::parallel_chunks(x.rows(), chunk, [&](Index begin, Index end) {
    std::vector<double> weights[2] = {{1}, {1}};
    Index first[2] = {0, 0};
    for (Index i = begin; i < end; ++i) {
      for (Index k = 0; k < d; ++k) {
        first[k] = std::max<Index>(0, static_cast<Index>((x(i, k) - reach * h - grid.low[k]) / grid.step));
        const auto last = static_cast<Index>((x(i, k) + reach * h - grid.low[k]) / grid.step) + 1;
        weights[k].clear();
        for (Index a = first[k]; a <= std::min(last, grid.nodes[k] - 1); ++a) {
          const double r = (grid.low[k] + grid.step * static_cast<double>(a) - x(i, k)) / h;
          weights[k].push_back(norm * std::exp(-r * r / 2));
        }
      }
      for (std::size_t a = 0; a < weights[0].size(); ++a) {
        for (std::size_t b = 0; b < weights[1].size(); ++b) {
          const Index node =
              (first[0] + static_cast<Index>(a)) * grid.nodes[1] + first[1] + static_cast<Index>(b);
          out.row(i) += weights[0][a] * weights[1][b] * v.row(node);
        }
      }
    }
  });
  return out;
}

}  // namespace

Points<double> mmd_velocity(const PointsRef<double>& x, const PointsRef<double>& y, double h,
                            const PointsRef<double>& offset) {
  check(x, y, h);
  if (offset.rows() == 0) return mean_kernel_gradient(x, y, h) - mean_kernel_gradient(x, x, h);
  const Points<double> z = x + offset;
  return mean_kernel_gradient(z, y, h) - mean_kernel_gradient(z, x, h);
}

Points<double> svgd_velocity(const PointsRef<double>& x, const PointsRef<double>& score, double h) {
  check(x, score, h);
  Points<double> out = -mean_kernel_gradient(x, x, h);  // Σ_j grad_{x_j} k(x_j, x_i) pushes i away
  const Eigen::ArrayXXd columns = x.array();
  base::parallel_chunks(x.rows(), chunk, [&](Index begin, Index end) {
    Eigen::ArrayXd squares(x.rows());
    for (Index i = begin; i < end; ++i) {
      squares.setZero();
      for (Index k = 0; k < x.cols(); ++k) squares += (columns.col(k) - x(i, k)).square();
      const Vector<double> weights = (squares * (-1 / (2 * h * h))).exp();
      for (Index k = 0; k < x.cols(); ++k)
        out(i, k) += weights.dot(score.col(k)) / static_cast<double>(x.rows());
    }
  });
  return out;
}

Points<double> sliced_velocity(const PointsRef<double>& x, const PointsRef<double>& y,
                               const PointsRef<double>& directions) {
  check(x, y, 1);
  check(x, directions, 1);
  Points<double> moves(directions.rows(), x.rows());
  base::parallel_chunks(directions.rows(), 1, [&](Index k, Index) {
    moves.row(k) = line_moves(x, y, directions.row(k).transpose()).transpose();
  });
  Points<double> out = Points<double>::Zero(x.rows(), x.cols());
  for (Index k = 0; k < directions.rows(); ++k) out += moves.row(k).transpose() * directions.row(k);
  return out / static_cast<double>(directions.rows());
}

Points<double> kl_velocity(const PointsRef<double>& x, const Target& target) {
  const double h = target.bandwidth();
  check(x, x, h);
  if (grid_nodes(x, h, reach, nodes_per_bandwidth) < most_grid_nodes) {
    const Grid grid(x, h);
    return smooth_on_grid(x, grid, conservative(grid.points(x.cols()), x, target), h);
  }
  constexpr Index pairs = 128;
  base::Stream stream(0, 0, "smoothed velocity");
  Points<double> out = Points<double>::Zero(x.rows(), x.cols());
  for (Index k = 0; k < pairs; ++k) {
    base::Vector<double> draw(x.cols());
    stream.fill_normal(std::span<double>(draw.data(), static_cast<std::size_t>(draw.size())));
    const Points<double> above = x.rowwise() + h * draw.transpose(),
                         below = x.rowwise() - h * draw.transpose();
    out += conservative(above, x, target) + conservative(below, x, target);
  }
  return out / static_cast<double>(2 * pairs);
}

}  // namespace starling::drift
