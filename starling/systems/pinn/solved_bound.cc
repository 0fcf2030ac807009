#include "starling/systems/pinn/solved_bound.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "starling/base/error.h"
#include "starling/systems/pinn/bound_table.h"
#include "starling/systems/pinn/solution.h"

namespace starling::pinn {
namespace {

std::vector<base::Points<double>> weights_of(const nets::JetNetwork& network,
                                             std::span<const double> parameters) {
  std::vector<base::Points<double>> weights;
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    weights.emplace_back(Eigen::Map<const base::Points<double>>(
        parameters.data() + network.weight(l), network.widths[static_cast<std::size_t>(l + 1)],
        network.widths[static_cast<std::size_t>(l)]));
  }
  return weights;
}

// The largest norm of an unknown in H^s, H^(s+1), ... up to the order of the equations.
std::vector<double> norms_of(const System& system, const Problem& problem, std::span<const double> parameters,
                             double s) {
  System asked = system;
  std::vector<double> orders, most;
  for (int k = 0; k <= system.order(); ++k) orders.push_back(s + k);
  for (std::size_t u = 0; u < system.unknowns.size(); ++u) {
    const int node = asked.graph.symbol({.unknown = static_cast<int>(u)});
    const std::vector<double> found = windowed_norms(asked, node, problem.network(), parameters, orders);
    most.resize(found.size());
    for (std::size_t k = 0; k < found.size(); ++k) most[k] = std::max(most[k], found[k]);
  }
  return most;
}

}  // namespace

void record_generalisation(study::Store& store, const std::string& task, const Problem& problem,
                           std::span<const double> parameters, std::span<const double> trained,
                           std::span<const double> fresh) {
  System system = problem.system();
  const std::size_t axes = system.axes.size();
  const std::size_t count = trained.size() / axes;
  const auto n = static_cast<double>(count);
  const double s = least_smoothness(axes);
  const std::vector<double> norms = norms_of(system, problem, parameters, s);
  const auto record = [&](const std::string& name, double value, const std::string& note) {
    store.record(study::Metric{.task = task, .name = name, .value = value, .note = note});
  };
  // The expansion makes nodes of its own in `system`, which the problem's graph has not.
  const auto size = [&](int node) {
    const Residual<double> coefficient(system, {node}, problem.network());
    Residual<double>::Workspace workspace;
    std::vector<double> values(fresh.size() / axes);
    coefficient.values(parameters, fresh.data(), static_cast<std::ptrdiff_t>(values.size()), workspace,
                       values.data());
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
  };
  for (const Equation& equation : std::vector<Equation>(system.equations)) {
    const std::string of = fmt::format("equation of line {}", equation.line);
    std::vector<double> squares = values_of(problem, {equation.residual}, parameters, fresh),
                        seen = values_of(problem, {equation.residual}, parameters, trained);
    double largest = 0, train = 0;
    for (double& value : squares) {
      largest = std::max(largest, std::abs(value));
      value *= value;
    }
    for (const double value : seen) {
      largest = std::max(largest, std::abs(value));
      train += value * value / n;
    }
    const math::MeanInterval truth = math::mean_interval(squares);
    store.record(study::Metric{
        .task = task,
        .name = of + ": gap",
        .value = truth.mean - train,
        .lower = truth.lower - train,
        .upper = truth.upper - train,
        .note = fmt::format("mean squared residual of fresh points {:.3g} less that of the last training's "
                            "{:g}, {:.3g}; largest residual met M = {:.3g}",
                            truth.mean, n, train, largest)});
    record(of + ": hold-out bound", bernstein_bound(squares, largest * largest),
           "of the mean squared residual, with probability 0.95, if none is larger than those met (Maurer & "
           "Pontil, 2009)");
    if (norms.empty()) continue;
    try {
      record_row(store, task, system,
                 {.name = of,
                  .complexity = residual_complexity(system, equation.residual, s, n, norms, size),
                  .n = n,
                  .norms = norms,
                  .largest = largest});
    } catch (const base::Error& error) {  // thousands of terms: a solution is not lost for them
      record(of + ": complexity bound", std::nan(""), error.what());
    }
  }
  if (norms.empty()) record("bound", std::nan(""), "none: norms are measured for one and two axes only");
  const auto weights = weights_of(problem.network(), parameters);
  double log_factor = 0;
  std::string notes;
  for (const LayerFactor& factor : network_factors(weights, s + system.order())) {
    log_factor += factor.log_kappa / std::log(10.0);
    notes += factor.note.empty() ? "" : "; " + factor.note;
  }
  record("bound: log10 weight factor", log_factor,
         "product of the layers' kappa, activations excluded: a reconstruction of arXiv:2605.13260" + notes);
  record("bound: Golowich", golowich(weights, n), "of the value network, for comparison");
  record("bound: Bartlett", bartlett(weights, n), "of the value network, without logarithms");
}

}  // namespace starling::pinn
