#include "starling/systems/students/partitions.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <numeric>
#include <vector>

#include "starling/base/error.h"
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

// What holds of α, β, γ, a for n and k both large; Newton's method does the rest.
Neurons first_guess(Index n, Index k, Index d) {
  const double share = static_cast<double>(n) / static_cast<double>(k), count = static_cast<double>(n);
  Neurons out{.w = base::Points<double>::Zero(n, d), .a = base::Vector<double>::Constant(n, 1 / share)};
  if (n == k) {
    out.w.diagonal().setOnes();
    return out;
  }
  out.w.leftCols(n).setConstant(-0.1 / count);
  out.w.middleCols(n, k - n).setConstant(0.7 / count);
  out.w.diagonal().setConstant(std::sqrt(share));
  return out;
}

// |H|^{-1} g in an orthonormal basis of the symmetric directions, no longer than a tenth; nothing along a
// flat direction, as ReLU's rescaling of w against a is.
Eigen::VectorXd downhill(const Eigen::MatrixXd& hessian, const Eigen::VectorXd& gradient) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(hessian);
  const Eigen::VectorXd& values = solver.eigenvalues();
  const double flat = 1e-10 * values.cwiseAbs().maxCoeff();
  Eigen::VectorXd along = solver.eigenvectors().transpose() * gradient;
  for (Index i = 0; i < along.size(); ++i) {
    const double curvature = std::abs(values[i]);
    along[i] = curvature > flat ? along[i] / curvature : 0;
  }
  Eigen::VectorXd step = solver.eigenvectors() * along;
  constexpr double longest = 0.1;
  if (step.norm() > longest) step *= longest / step.norm();
  return step;
}

Neurons descend(const Landscape& landscape, const Symmetry& symmetry, Neurons student) {
  constexpr int most_steps = 500;
  const std::vector<Neurons> basis = symmetric_directions(symmetry);
  for (int count = 0; count < most_steps; ++count) {
    const Neurons slope = landscape.gradient(student);
    Eigen::VectorXd gradient(static_cast<Index>(basis.size()));
    for (std::size_t i = 0; i < basis.size(); ++i) gradient[static_cast<Index>(i)] = inner(basis[i], slope);
    const Eigen::VectorXd step = downhill(restricted(Curvature(landscape, student), basis), gradient);
    for (std::size_t i = 0; i < basis.size(); ++i) {
      student.w -= step[static_cast<Index>(i)] * basis[i].w;
      student.a -= step[static_cast<Index>(i)] * basis[i].a;
    }
    constexpr double arrived = 1e-12;
    if (step.norm() <= arrived * (1 + student.w.norm() + student.a.norm())) return student;
  }
  throw base::Error(
      base::ErrorKind::numerical,
      fmt::format("perturbed copy of {} students and {} teachers: Newton's method did not arrive in {} steps",
                  student.a.size(), landscape.teacher().a.size(), most_steps));
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
  require(k >= 1 && k <= d,
          fmt::format("{} orthonormal teachers in {} dimensions; expected 1 <= k <= d", k, d));
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
  PerturbedCopy out;
  out.student = descend(landscape, symmetry, first_guess(n, k, d));
  out.alpha = out.student.w(0, 0);
  out.beta = n > 1 ? out.student.w(0, 1) : 0;
  out.gamma = n < k ? out.student.w(0, n) : 0;
  out.a = out.student.a[0];
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
