#include "starling/systems/pinn/bound_study.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "starling/math/legendre.h"
#include "starling/optim/quasi_newton.h"
#include "starling/systems/pinn/certificate.h"
#include "starling/systems/pinn/loss.h"

namespace starling::pinn {
namespace {

using base::Index;
using base::Points;

std::uint64_t seed_of(const BoundStudySpec& spec) {
  return static_cast<std::uint64_t>(spec.common.seed);
}

Eigen::MatrixXd orthonormal_columns(Index rows, Index columns, base::Stream& stream) {
  Eigen::MatrixXd drawn(rows, columns);
  for (Index j = 0; j < columns; ++j) {
    for (Index i = 0; i < rows; ++i) drawn(i, j) = stream.normal();
  }
  return Eigen::HouseholderQR<Eigen::MatrixXd>(drawn).householderQ() *
         Eigen::MatrixXd::Identity(rows, columns);
}

Eigen::MatrixXd hidden_weight(const BoundStudySpec& spec, HiddenWeight kind, base::Stream& stream) {
  const Index width = spec.drawn.width;
  if (kind == HiddenWeight::orthogonal) return orthonormal_columns(width, width, stream);
  if (kind == HiddenWeight::low_rank) {
    const Eigen::MatrixXd left = orthonormal_columns(width, spec.rank, stream);
    const Eigen::MatrixXd right = orthonormal_columns(width, spec.rank, stream);
    return std::sqrt(static_cast<double>(width) / static_cast<double>(spec.rank)) * left * right.transpose();
  }
  Eigen::MatrixXd drawn(width, width);
  const double bound = std::sqrt(6.0 / static_cast<double>(2 * width));
  for (Index i = 0; i < width; ++i) {
    for (Index j = 0; j < width; ++j) drawn(i, j) = bound * (2 * stream.uniform() - 1);
  }
  return drawn;
}

std::vector<double> member(const BoundStudySpec& spec, const nets::JetNetwork& network, HiddenWeight kind,
                           base::Stream stream) {
  const Index width = spec.drawn.width;
  std::vector<double> out(static_cast<std::size_t>(network.parameter_count()), 0.0);
  const auto fill = [&](std::ptrdiff_t begin, Index count, double size) {
    for (Index i = 0; i < count; ++i)
      out[static_cast<std::size_t>(begin + i)] = size * (2 * stream.uniform() - 1);
  };
  const double edge = std::sqrt(6.0 / static_cast<double>(1 + width));
  fill(network.weight(0), width, spec.drawn.gain * edge);
  fill(network.bias(0), width, spec.drawn.gain * edge);
  const Eigen::MatrixXd hidden = hidden_weight(spec, kind, stream);
  for (Index i = 0; i < width; ++i) {
    for (Index j = 0; j < width; ++j)
      out[static_cast<std::size_t>(network.weight(1) + i * width + j)] = hidden(i, j);
  }
  fill(network.bias(1), width, edge);
  fill(network.weight(2), width, edge);
  return out;
}

std::vector<double> values_at(const System& system, int node, const nets::JetNetwork& network,
                              std::span<const double> parameters, std::span<const double> points) {
  const Residual<double> residual(system, {node}, network);
  Residual<double>::Workspace workspace;
  std::vector<double> out(points.size());
  residual.values(parameters, points.data(), static_cast<std::ptrdiff_t>(points.size()), workspace,
                  out.data());
  return out;
}

// Mean over replicates of the largest score of a member, scores being sums over a sample of the pool.
math::MeanInterval largest_score(const ClassValues& values, std::int64_t n, std::int64_t replicates,
                                 base::Stream& stream, bool signs,
                                 const std::function<double(std::size_t member, double sum)>& score) {
  std::vector<double> found;
  std::vector<std::size_t> at(static_cast<std::size_t>(n));
  std::vector<double> sign(at.size(), 1.0);
  for (std::int64_t r = 0; r < replicates; ++r) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      at[i] = stream.below(static_cast<std::uint64_t>(pool_size));
      if (signs) sign[i] = stream.uniform() < 0.5 ? -1 : 1;
    }
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < values.values.size(); ++j) {
      const std::vector<double>& v = values.values[j];
      double sum = 0;
      for (std::size_t i = 0; i < at.size(); ++i) sum += signs ? sign[i] * v[at[i]] : v[at[i]] * v[at[i]];
      most = std::max(most, score(j, sum / static_cast<double>(n)));
    }
    found.push_back(most);
  }
  return math::mean_interval(found);
}

double mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum / static_cast<double>(values.size());
}

double largest_of(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace

NetworkClass draw_class(const BoundStudySpec& spec, HiddenWeight hidden, std::uint64_t index) {
  NetworkClass drawn{{{1, spec.drawn.width, spec.drawn.width, 1}}, {}};
  System system = parse_system("unknowns u; axes x; u = 0");
  for (std::int64_t m = 0; m < spec.drawn.members; ++m) {
    std::vector<double> one =
        member(spec, drawn.network, hidden,
               base::Stream(seed_of(spec), static_cast<std::uint32_t>(m), "class", index));
    if (hidden == HiddenWeight::glorot) {
      const double size =
          largest_of(values_at(system, system.equations[0].residual, drawn.network, one, pool_points()));
      for (auto p = static_cast<std::size_t>(drawn.network.weight(2)); p < one.size(); ++p)
        one[p] *= spec.drawn.amplitude / size;
    }
    drawn.members.push_back(std::move(one));
  }
  return drawn;
}

double ClassValues::largest() const {
  double most = 0;
  for (const auto& each : values) most = std::max(most, largest_of(each));
  return most;
}

std::vector<double> pool_points() {
  std::vector<double> points(static_cast<std::size_t>(pool_size));
  for (std::size_t i = 0; i < points.size(); ++i)
    points[i] = -1 + (2.0 * static_cast<double>(i) + 1) / static_cast<double>(pool_size);
  return points;
}

ClassValues class_values(const System& system, int node, const NetworkClass& drawn) {
  ClassValues out;
  const std::vector<double> points = pool_points();
  for (const auto& each : drawn.members)
    out.values.push_back(values_at(system, node, drawn.network, each, points));
  return out;
}

math::MeanInterval rademacher(const ClassValues& values, std::int64_t n, std::int64_t replicates,
                              base::Stream stream) {
  return largest_score(values, n, replicates, stream, true, [](std::size_t, double sum) { return sum; });
}

math::MeanInterval uniform_gap(const ClassValues& values, std::int64_t n, std::int64_t replicates,
                               base::Stream stream) {
  std::vector<double> truth;
  for (const auto& each : values.values) truth.push_back(mean_square(each));
  return largest_score(values, n, replicates, stream, false,
                       [&](std::size_t j, double sum) { return truth[j] - sum; });
}

std::vector<double> class_norms(const System& system, const NetworkClass& drawn, double smoothness) {
  std::vector<double> orders, most(5, 0.0);
  for (int k = 0; k < 5; ++k) orders.push_back(smoothness + k);
  System with_value = system;
  const int u = with_value.graph.symbol({});
  for (const auto& each : drawn.members) {
    const std::vector<double> found = windowed_norms(with_value, u, drawn.network, each, orders);
    for (std::size_t k = 0; k < most.size(); ++k) most[k] = std::max(most[k], found[k]);
  }
  return most;
}

math::MeanInterval ball_complexity(int s, std::int64_t n, std::int64_t replicates, base::Stream stream) {
  std::vector<double> found, x(static_cast<std::size_t>(n)), sign(x.size());
  for (std::int64_t r = 0; r < replicates; ++r) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = 2 * stream.uniform() - 1;
      sign[i] = stream.uniform() < 0.5 ? -1 : 1;
    }
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) {
        const double far = std::abs(x[i] - x[j]);
        sum += sign[i] * sign[j] * (s == 1 ? std::exp(-far) / 2 : (1 + far) * std::exp(-far) / 4);
      }
    }
    found.push_back(std::sqrt(std::max(0.0, sum)) / static_cast<double>(n));
  }
  return math::mean_interval(found);
}

TrainedRun train_and_judge(const BoundStudySpec& spec, std::int64_t points, std::int64_t run) {
  System system =
      parse_system("-u_xx = pi^2*sin(pi*x); domain x = -1..1; u(-1) = 0; u(1) = 0; exact u = sin(pi*x)");
  const nets::JetNetwork network{{1, spec.drawn.width, spec.drawn.width, 1}};
  const int residual = system.equations[0].residual;
  base::Stream stream(seed_of(spec), static_cast<std::uint32_t>(run), "points",
                      static_cast<std::uint64_t>(points));
  const auto random_points = [&](std::int64_t count) {
    std::vector<double> out(static_cast<std::size_t>(count));
    for (double& x : out) x = 2 * stream.uniform() - 1;
    return out;
  };
  const std::vector<double> x = random_points(points);
  Loss loss(system, network,
            {{.roots = {residual}, .points = x},
             {.roots = {system.conditions[0].residual}, .points = {-1}, .weight = 50},
             {.roots = {system.conditions[1].residual}, .points = {1}, .weight = 50}});
  std::vector<double> parameters =
      initial_parameters(system, network, seed_of(spec) + static_cast<std::uint64_t>(run));
  optim::QuasiNewton optimiser({}, static_cast<Index>(parameters.size()));
  const auto function = [&](std::span<const double> at, std::span<double> gradient) {
    return loss.gradient(at, gradient);
  };
  optimiser.start(function, parameters);
  for (std::int64_t s = 0; s < spec.steps; ++s) {
    if (optimiser.step(function, parameters) != optim::QuasiNewtonEnd::none) break;
  }
  const auto of = [&](int node, std::span<const double> at) {
    return values_at(system, node, network, parameters, at);
  };
  const int u = system.graph.symbol({});
  const std::vector<double> dense = of(residual, pool_points());
  TrainedRun out{.points = points, .train = mean_square(of(residual, x)), .truth = mean_square(dense)};
  out.largest = largest_of(dense);
  const double order[] = {3};
  out.norm = windowed_norms(system, u, network, parameters, order)[0];
  const auto n = static_cast<double>(points);
  const double complexity = residual_complexity(system, residual, 1, n, {out.norm}).value;
  out.bound = gap_bound(complexity, out.largest, n).total();
  std::vector<Points<double>> weights;
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    weights.emplace_back(Eigen::Map<const Points<double>>(parameters.data() + network.weight(l),
                                                          network.widths[static_cast<std::size_t>(l + 1)],
                                                          network.widths[static_cast<std::size_t>(l)]));
  }
  out.log_kappa = layer_factor(weights[1], 3).log_kappa;
  out.golowich = golowich(weights, n);
  out.bartlett = bartlett(weights, n);
  std::vector<double> squares = of(residual, random_points(spec.holdout));
  for (double& value : squares) value *= value;
  out.holdout = bernstein_bound(squares, out.largest * out.largest);
  out.certified = certify(system, u, network, parameters).supremum;
  const std::vector<double> at = pool_points(), values = of(u, at);
  for (std::size_t i = 0; i < at.size(); ++i)
    out.error = std::max(out.error, std::abs(values[i] - std::sin(std::numbers::pi * at[i])));
  return out;
}

}  // namespace starling::pinn
