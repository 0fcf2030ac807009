#include "starling/systems/students/partitions.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numeric>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/students/copy_family.h"
#include "starling/systems/students/one_neuron.h"
#include "starling/systems/students/symmetric_spectrum.h"

namespace starling::students {
namespace {

using base::Index;

void require(bool fine, const std::string& message) {
  if (!fine) throw base::Error(base::ErrorKind::usage, message);
}

Neurons averages(std::span<const Index> groups, Index d, Activation activation) {
  const Index n = static_cast<Index>(groups.size());
  Neurons out{.w = base::Points<double>::Zero(n, d), .a = base::Vector<double>(n)};
  Index first = 0;
  for (Index i = 0; i < n; ++i) {
    const Index size = groups[static_cast<std::size_t>(i)];
    const OneNeuron one = one_neuron(size, activation);
    require(one.finite,
            fmt::format("groups: no finite neuron averages {} teachers of this activation", size));
    out.w.row(i).segment(first, size).setConstant(one.r / std::sqrt(static_cast<double>(size)));
    out.a[i] = one.a;
    first += size;
  }
  return out;
}

Index negatives(const base::Vector<double>& ascending) {
  const double cut = -1e-8 * ascending[ascending.size() - 1];
  return (ascending.array() < cut).count();
}

CopyShape critical_shape(Index n, Index k, Activation activation) {
  const std::optional<CopyShape> shape =
      critical_copy(activation, static_cast<double>(n), static_cast<double>(k));
  if (shape) return *shape;
  throw base::Error(
      base::ErrorKind::numerical,
      fmt::format(
          "perturbed copy of {} students and {} teachers: no critical point with finite weights was reached, "
          "neither directly nor along the branch from {} students on: the loss falls while the weights grow; "
          "expected n nearer to k",
          n, k, k - 1));
}

Neurons copies(const CopyShape& shape, Index n, Index k, Index d) {
  Neurons out{.w = base::Points<double>::Zero(n, d), .a = base::Vector<double>::Constant(n, shape[3])};
  out.w.leftCols(n).setConstant(shape[1]);
  out.w.middleCols(n, k - n).setConstant(shape[2]);
  out.w.diagonal().setConstant(shape[0]);
  return out;
}

// The smallest sum of copy averages of n groups: all but one single.
std::vector<Index> best_groups(Index n, Index k) {
  std::vector<Index> groups(static_cast<std::size_t>(n), 1);
  groups.back() = k - n + 1;
  return groups;
}

bool copy_average_is_saddle(const Landscape& landscape, const Neurons& student) {
  const Index n = student.a.size(), k = landscape.teacher().a.size();
  const Symmetry symmetry{.moving = n - 1, .rest = k - n + 1, .lone = true, .idle = 0};
  return negative_count(symmetric_spectrum(Curvature(landscape, student), symmetry)) > 0;
}

}  // namespace

Neurons orthonormal_teacher(Index k, Index d) {
  return {.w = base::Points<double>::Identity(k, d), .a = base::Vector<double>::Ones(k)};
}

CopyAverage copy_average(std::span<const Index> groups, Index d, Activation activation) {
  require(!groups.empty(), "groups: empty; expected at least one group size");
  for (const Index size : groups)
    require(size >= 1, fmt::format("groups: {} is out of range; expected sizes of at least 1", size));
  const Index k = std::accumulate(groups.begin(), groups.end(), Index{0});
  require(d >= k, fmt::format("d: {} is out of range; expected at least the {} teachers", d, k));
  const Landscape landscape(activation, orthonormal_teacher(k, d));
  CopyAverage out;
  out.student = averages(groups, d, activation);
  out.loss = landscape.mean_squared_error(out.student);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(Curvature(landscape, out.student).matrix(),
                                                              Eigen::EigenvaluesOnly);
  out.eigenvalues = solver.eigenvalues();
  out.index = negatives(out.eigenvalues);
  return out;
}

PerturbedCopy perturbed_copy(Index n, Index k, Index d, Activation activation) {
  require(n >= 1 && n <= k, fmt::format("n: {} is out of range; expected 1 to the {} teachers", n, k));
  require(d >= k, fmt::format("d: {} is out of range; expected at least the {} teachers", d, k));
  const Landscape landscape(activation, orthonormal_teacher(k, d));
  const Symmetry symmetry{.moving = n, .rest = k - n, .lone = false, .idle = d - k};
  const CopyShape shape = critical_shape(n, k, activation);
  PerturbedCopy out;
  out.student = copies(shape, n, k, d);
  out.alpha = shape[0];
  out.beta = n > 1 ? shape[1] : 0;
  out.gamma = n < k ? shape[2] : 0;
  out.a = shape[3];
  out.loss = landscape.mean_squared_error(out.student);
  const std::vector<Level> levels = symmetric_spectrum(Curvature(landscape, out.student), symmetry);
  out.index = negative_count(levels);
  out.lambda_min = levels.front().value;
  return out;
}

Thresholds thresholds(Index k) {
  require(k >= 1, fmt::format("k: {} is out of range; expected at least 1", k));
  const Landscape landscape(Activation::erf, orthonormal_teacher(k, k));
  Thresholds out;
  bool minimum = true, below = true;
  for (Index n = k - 1; n >= 1 && (minimum || below); --n) {
    const PerturbedCopy copy = perturbed_copy(n, k, k, Activation::erf);
    const double average = landscape.mean_squared_error(averages(best_groups(n, k), k, Activation::erf));
    minimum = minimum && copy.index == 0;
    below = below && copy.loss < average;
    if (minimum) out.pc_minimum_from = n;
    if (below) out.pc_below_ca_from = n;
  }
  for (Index n = 1; n < k && !out.ca_saddle_from; ++n) {
    if (copy_average_is_saddle(landscape, averages(best_groups(n, k), k, Activation::erf)))
      out.ca_saddle_from = n;
  }
  return out;
}

}  // namespace starling::students
