#include "starling/metrics/distances.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "starling/base/error.h"
#include "starling/base/parallel.h"

namespace starling::metrics {
namespace {

using base::Error;
using base::ErrorKind;
using base::Index;
using base::Points;
using base::PointsRef;
using base::Vector;

constexpr Index chunk = 64;

void require_finite(const char* name, const PointsRef<double>& cloud) {
  if (cloud.allFinite()) return;
  for (Index i = 0; i < cloud.rows(); ++i) {
    for (Index k = 0; k < cloud.cols(); ++k) {
      if (std::isfinite(cloud(i, k))) continue;
      throw Error(ErrorKind::input,
                  fmt::format("{}: value at row {}, column {} is {}; expected finite numbers", name, i, k,
                              cloud(i, k)));
    }
  }
}

void require_neighbours(int k) {
  if (k < 1)
    throw Error(ErrorKind::usage, fmt::format("k: {} is out of range; expected an integer from 1", k));
}

void check(const PointsRef<double>& x, const PointsRef<double>& y, Index least = 1) {
  if (x.cols() != y.cols()) {
    throw Error(ErrorKind::usage,
                fmt::format("x has {} columns and y has {}; expected one dimension", x.cols(), y.cols()));
  }
  if (x.rows() < least || y.rows() < least) {
    throw Error(ErrorKind::input,
                fmt::format("x has {} points and y has {}; expected at least {}", x.rows(), y.rows(), least));
  }
  require_finite("x", x);
  require_finite("y", y);
}

// Squared distances from row i of x to all of y, in a buffer of the caller. Coordinates of y come by column.
void squared_distances(const PointsRef<double>& x, Index i, const Eigen::ArrayXXd& y_columns,
                       Eigen::ArrayXd& out) {
  out.setZero();
  for (Index k = 0; k < x.cols(); ++k) out += (y_columns.col(k) - x(i, k)).square();
}

// Σ_ij f(|x_i - y_j|^2): rows in parallel, added in order.
template <class F>
double pair_sum(const PointsRef<double>& x, const PointsRef<double>& y, F&& f) {
  const Eigen::ArrayXXd columns = y.array();
  std::vector<double> rows(static_cast<std::size_t>(x.rows()));
  base::parallel_chunks(x.rows(), chunk, [&](Index begin, Index end) {
    Eigen::ArrayXd squares(y.rows());
    for (Index i = begin; i < end; ++i) {
      squared_distances(x, i, columns, squares);
      rows[static_cast<std::size_t>(i)] = f(squares);
    }
  });
  double total = 0;
  for (const double row : rows) total += row;
  return total;
}

// mean within x, mean within y and mean across, of f; within-means leave the diagonal (value `self`) out when
// unbiased.
template <class F>
double contrast(const PointsRef<double>& x, const PointsRef<double>& y, double self, bool unbiased, F&& f) {
  check(x, y, unbiased ? 2 : 1);
  const auto within = [&](const PointsRef<double>& z) {
    const double n = static_cast<double>(z.rows()), sum = pair_sum(z, z, f);
    return unbiased ? (sum - n * self) / (n * (n - 1)) : sum / (n * n);
  };
  const double across = pair_sum(x, y, f) / (static_cast<double>(x.rows()) * static_cast<double>(y.rows()));
  return within(x) + within(y) - 2 * across;
}

// W_p^p on the line: both quantile functions are steps; walk over their common refinement.
double line_wasserstein(std::vector<double>& a, std::vector<double>& b, int p) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  double total = 0, done = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double end_a = static_cast<double>(i + 1) / n, end_b = static_cast<double>(j + 1) / m,
                 end = std::min(end_a, end_b);
    const double gap = std::abs(a[i] - b[j]);
    total += (end - done) * (p == 1 ? gap : std::pow(gap, p));
    done = end;
    // Compare as integers: (i + 1) / n and (j + 1) / m may differ by rounding alone.
    const std::size_t left = (i + 1) * b.size(), right = (j + 1) * a.size();
    if (left <= right) ++i;
    if (right <= left) ++j;
  }
  return total;
}

// The k smallest squared distances (k >= 1) from x_i to y, ascending with their columns, the earlier column
// first among equals; `skip` leaves one column out.
std::vector<std::pair<double, Index>> nearest(const Eigen::ArrayXd& squares, std::size_t k, Index skip) {
  std::vector<std::pair<double, Index>> best;
  best.reserve(k + 1);
  double worst = std::numeric_limits<double>::infinity();
  for (Index j = 0; j < squares.size(); ++j) {
    if (j == skip || (best.size() == k && !(squares(j) < worst))) continue;
    const auto place = std::upper_bound(best.begin(), best.end(), std::pair(squares(j), j));
    best.insert(place, {squares(j), j});
    if (best.size() > k) best.pop_back();
    worst = best.back().first;
  }
  return best;
}

void for_each_row(const PointsRef<double>& x, const PointsRef<double>& y,
                  const std::function<void(Index, const Eigen::ArrayXd&)>& visit) {
  const Eigen::ArrayXXd columns = y.array();
  base::parallel_chunks(x.rows(), chunk, [&](Index begin, Index end) {
    Eigen::ArrayXd squares(y.rows());
    for (Index i = begin; i < end; ++i) {
      squared_distances(x, i, columns, squares);
      visit(i, squares);
    }
  });
}

// Squared radius of the ball around each point that reaches its k-th neighbour.
Eigen::ArrayXd radii(const PointsRef<double>& z, int k) {
  Eigen::ArrayXd out(z.rows());
  for_each_row(z, z, [&](Index i, const Eigen::ArrayXd& squares) {
    const auto near = nearest(squares, static_cast<std::size_t>(k), i);
    out(i) = near.empty() ? 0 : near.back().first;
  });
  return out;
}

}  // namespace

double mmd2(const PointsRef<double>& x, const PointsRef<double>& y, double bandwidth, bool unbiased) {
  if (!(bandwidth > 0) || !std::isfinite(bandwidth)) {
    throw Error(ErrorKind::usage,
                fmt::format("bandwidth: {} is out of range; expected a positive, finite number", bandwidth));
  }
  const double rate = -1 / (2 * bandwidth * bandwidth);
  return contrast(x, y, 1, unbiased,
                  [rate](const Eigen::ArrayXd& squares) { return (squares * rate).exp().sum(); });
}

double energy_distance(const PointsRef<double>& x, const PointsRef<double>& y, bool unbiased) {
  return -contrast(x, y, 0, unbiased, [](const Eigen::ArrayXd& squares) { return squares.sqrt().sum(); });
}

double sliced_wasserstein(const PointsRef<double>& x, const PointsRef<double>& y,
                          const PointsRef<double>& directions, int p) {
  check(x, y);
  check(x, directions);
  if (p < 1)
    throw Error(ErrorKind::usage, fmt::format("p: {} is out of range; expected an integer from 1", p));
  std::vector<double> values(static_cast<std::size_t>(directions.rows()));
  base::parallel_chunks(directions.rows(), 1, [&](Index k, Index) {
    const Vector<double> a = x * directions.row(k).transpose(), b = y * directions.row(k).transpose();
    std::vector<double> along_x(a.begin(), a.end()), along_y(b.begin(), b.end());
    values[static_cast<std::size_t>(k)] = line_wasserstein(along_x, along_y, p);
  });
  double total = 0;
  for (const double value : values) total += value;
  return total / static_cast<double>(directions.rows());
}

Points<double> slicing_directions(Index count, Index d, base::Stream& stream) {
  Points<double> out(count, d);
  for (Index k = 0; k < count; ++k) {
    for (Index a = 0; a < d; ++a) out(k, a) = stream.normal();
    const double angle = std::numbers::pi * static_cast<double>(k) / static_cast<double>(count);
    if (d == 2) out.row(k) << std::cos(angle), std::sin(angle);
    out.row(k).normalize();
  }
  return out;
}

Points<double> neighbour_distances(const PointsRef<double>& x, const PointsRef<double>& y, int k) {
  check(x, y);
  if (k < 1 || y.rows() < k) {
    throw Error(ErrorKind::input, fmt::format("y has {} points; expected at least k = {}", y.rows(), k));
  }
  Points<double> out(x.rows(), k);
  for_each_row(x, y, [&](Index i, const Eigen::ArrayXd& squares) {
    const auto near = nearest(squares, static_cast<std::size_t>(k), -1);
    for (Index j = 0; j < k; ++j) out(i, j) = std::sqrt(near[static_cast<std::size_t>(j)].first);
  });
  return out;
}

Vector<double> nearest_distances(const PointsRef<double>& x, const PointsRef<double>& y) {
  check(x, y);
  Vector<double> out(x.rows());
  for_each_row(x, y, [&](Index i, const Eigen::ArrayXd& squares) { out(i) = std::sqrt(squares.minCoeff()); });
  return out;
}

Manifold manifold(const PointsRef<double>& x, const PointsRef<double>& y, int k) {
  check(x, y);
  require_neighbours(k);
  const Eigen::ArrayXd data_radii = radii(y, k), model_radii = radii(x, k);
  std::vector<char> precise(static_cast<std::size_t>(x.rows())), recalled(static_cast<std::size_t>(y.rows())),
      covered(recalled);
  for_each_row(x, y, [&](Index i, const Eigen::ArrayXd& squares) {
    precise[static_cast<std::size_t>(i)] = (squares <= data_radii).any() ? 1 : 0;
  });
  for_each_row(y, x, [&](Index j, const Eigen::ArrayXd& squares) {
    recalled[static_cast<std::size_t>(j)] = (squares <= model_radii).any() ? 1 : 0;
    covered[static_cast<std::size_t>(j)] = squares.minCoeff() <= data_radii(j) ? 1 : 0;
  });
  const auto share = [](const std::vector<char>& flags) {
    return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / static_cast<double>(flags.size());
  };
  return {share(precise), share(recalled), share(covered)};
}

std::vector<std::int32_t> classify(const PointsRef<double>& x, const PointsRef<double>& y,
                                   const std::vector<std::int32_t>& labels, int k) {
  check(x, y);
  require_neighbours(k);
  if (static_cast<Index>(labels.size()) != y.rows()) {
    throw Error(ErrorKind::usage,
                fmt::format("labels: {} of them for {} points of y", labels.size(), y.rows()));
  }
  if (const auto least = std::min_element(labels.begin(), labels.end()); *least < 0) {
    throw Error(ErrorKind::input, fmt::format("labels: row {} holds {}; expected classes from 0",
                                              least - labels.begin(), *least));
  }
  std::vector<std::int32_t> out(static_cast<std::size_t>(x.rows()));
  const std::int32_t classes = *std::max_element(labels.begin(), labels.end()) + 1;
  for_each_row(x, y, [&](Index i, const Eigen::ArrayXd& squares) {
    std::vector<int> votes(static_cast<std::size_t>(classes));
    for (const auto& near : nearest(squares, static_cast<std::size_t>(k), -1)) {
      ++votes[static_cast<std::size_t>(labels[static_cast<std::size_t>(near.second)])];
    }
    out[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
  });
  return out;
}

}  // namespace starling::metrics
