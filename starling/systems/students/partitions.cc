#include "starling/systems/students/partitions.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/students/copy_family.h"
#include "starling/systems/students/large_spectrum.h"
#include "starling/systems/students/one_neuron.h"

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

double copy_loss(Activation activation, Index n, Index k, const CopyShape& shape) {
  return CopyFamily(activation, static_cast<double>(n), static_cast<double>(k)).at(shape).loss;
}

// The last of from, from + stride, ..., before `end` up to which `holds` holds, found by strides and then by
// halving; nothing where it fails at `from`. Towards lower numbers for a negative stride.
template <class Predicate>
std::optional<Index> last_in_a_row(Index from, Index end, Index stride, Predicate holds) {
  if (from == end || !holds(from)) return std::nullopt;
  const Index sign = stride < 0 ? -1 : 1;
  Index good = from, bad = end;
  for (Index n = from + stride; sign * (end - n) > 0; n += stride) {
    if (!holds(n)) {
      bad = n;
      break;
    }
    good = n;
  }
  while (sign * (bad - good) > 1) {
    const Index middle = good + (bad - good) / 2;
    (holds(middle) ? good : bad) = middle;
  }
  return good;
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

PerturbedCopy perturbed_copy_numbers(Index n, Index k, Index d, Activation activation) {
  require(n >= 1 && n <= k, fmt::format("n: {} is out of range; expected 1 to the {} teachers", n, k));
  require(d >= k, fmt::format("d: {} is out of range; expected at least the {} teachers", d, k));
  const CopyShape shape = critical_shape(n, k, activation);
  PerturbedCopy out;
  out.alpha = shape[0];
  out.beta = n > 1 ? shape[1] : 0;
  out.gamma = n < k ? shape[2] : 0;
  out.a = shape[3];
  out.loss = copy_loss(activation, n, k, shape);
  const std::vector<Level> levels =
      large_spectrum({.activation = activation,
                      .symmetry = {.moving = n, .rest = k - n, .lone = false, .idle = d - k},
                      .own = out.alpha,
                      .other = out.beta,
                      .rest = out.gamma,
                      .outgoing = out.a});
  out.index = exact_index(levels);
  out.lambda_min = levels.front().value;
  return out;
}

PerturbedCopy perturbed_copy(Index n, Index k, Index d, Activation activation) {
  PerturbedCopy out = perturbed_copy_numbers(n, k, d, activation);
  out.student = copies({out.alpha, out.beta, out.gamma, out.a}, n, k, d);
  return out;
}

Index best_copy_average_index(Index n, Index k, Index d) {
  require(n >= 1 && n <= k, fmt::format("n: {} is out of range; expected 1 to the {} teachers", n, k));
  require(d >= k, fmt::format("d: {} is out of range; expected at least the {} teachers", d, k));
  const Index size = k - n + 1;
  const OneNeuron average = one_neuron(size, Activation::erf);
  return exact_index(large_spectrum({.activation = Activation::erf,
                                     .symmetry = {.moving = n - 1, .rest = size, .lone = true, .idle = d - k},
                                     .own = 1,
                                     .other = 0,
                                     .rest = 0,
                                     .outgoing = 1,
                                     .lone_moving = 0,
                                     .lone_rest = average.r / std::sqrt(static_cast<double>(size)),
                                     .lone_outgoing = average.a}));
}

Thresholds thresholds(Index k) {
  require(k >= 1, fmt::format("k: {} is out of range; expected at least 1", k));
  constexpr Index one_by_one = 100;
  const Index stride = std::max<Index>(1, k / one_by_one);
  const auto minimum = [&](Index n) { return perturbed_copy_numbers(n, k, k, Activation::erf).index == 0; };
  const auto below = [&](Index n) {
    const double average = one_neuron(k - n + 1, Activation::erf).loss;  // the single ones are perfect
    return copy_loss(Activation::erf, n, k, critical_shape(n, k, Activation::erf)) < average;
  };
  const auto stable = [&](Index n) { return best_copy_average_index(n, k, k) == 0; };
  Thresholds out;
  out.pc_minimum_from = last_in_a_row(k - 1, 0, -stride, minimum);
  out.pc_below_ca_from = last_in_a_row(k - 1, 0, -stride, below);
  const Index last_stable = last_in_a_row(1, k, stride, stable).value_or(0);
  if (last_stable + 1 < k) out.ca_saddle_from = last_stable + 1;
  return out;
}

}  // namespace starling::students
