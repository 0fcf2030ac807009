#pragma once
// Poisson problems with known solutions, and the initial weights that published figures start from.
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "starling/optim/least_squares.h"
#include "starling/optim/quasi_newton.h"
#include "starling/systems/pinn/loss.h"

namespace starling::pinn::testing {

/// Steele, Lea and Flood's splitmix64.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  double uniform() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

/// Glorot's uniform weights from one stream over all layers; biases 0.
inline std::vector<double> split_mix_parameters(const nets::JetNetwork& network, std::uint64_t seed) {
  std::vector<double> parameters(static_cast<std::size_t>(network.parameter_count()), 0.0);
  SplitMix stream(seed);
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    const auto inputs = network.widths[static_cast<std::size_t>(l)],
               outputs = network.widths[static_cast<std::size_t>(l + 1)];
    for (std::ptrdiff_t i = 0; i < inputs * outputs; ++i) {
      parameters[static_cast<std::size_t>(network.weight(l) + i)] =
          (2 * stream.uniform() - 1) * std::sqrt(6.0 / static_cast<double>(inputs + outputs));
    }
  }
  return parameters;
}

inline std::vector<double> spaced(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(low + (high - low) * i / (count - 1));
  return values;
}

/// A problem, its loss and a grid on which the solution is known.
struct Known {
  System system;
  nets::JetNetwork network;
  Loss loss;
  std::vector<double> grid, exact;
  int solution = -1;  ///< node of u

  double relative_error(const std::vector<double>& parameters) {
    Residual<double> solution_of(system, {solution}, network);
    Residual<double>::Workspace workspace;
    std::vector<double> u(exact.size());
    solution_of.values(parameters, grid.data(), static_cast<std::ptrdiff_t>(u.size()), workspace, u.data());
    double miss = 0, size = 0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      miss += (u[i] - exact[i]) * (u[i] - exact[i]);
      size += exact[i] * exact[i];
    }
    return std::sqrt(miss / size);
  }
};

inline Known poisson_1d() {
  // The boundary value is an equation of its own, so that both are roots of one graph.
  System system = parse_system("-u_xx = pi^2*sin(pi*x); u = 0");
  const nets::JetNetwork network{{1, 16, 16, 1}};
  auto inner = spaced(-1, 1, 66);
  inner = {inner.begin() + 1, inner.end() - 1};
  std::vector<LossTerm> terms{{.roots = {system.equations[0].residual}, .points = inner},
                              {.roots = {system.equations[1].residual}, .points = {-1, 1}, .weight = 100}};
  const int u = system.equations[1].residual;
  Known known{system, network, Loss(system, network, terms), spaced(-1, 1, 1001), {}, u};
  for (const double x : known.grid) known.exact.push_back(std::sin(std::numbers::pi * x));
  return known;
}

enum class Boundary { soft, hard };

inline Known poisson_2d(Boundary boundary) {
  const std::string equation = "-u_xx - u_yy = 2*pi^2*sin(pi*x)*sin(pi*y); u = 0";
  System system = parse_system(
      boundary == Boundary::soft ? equation : "unknowns n; let u = x*(1 - x)*y*(1 - y)*n; " + equation);
  const nets::JetNetwork network{{2, 20, 20, 1}};
  std::vector<double> inner, edge, grid;
  const auto lines = spaced(0, 1, 26), side = spaced(0, 1, 31), fine = spaced(0, 1, 101);
  for (int i = 1; i < 25; ++i) {
    for (int j = 1; j < 25; ++j)
      inner.insert(inner.end(), {lines[static_cast<std::size_t>(i)], lines[static_cast<std::size_t>(j)]});
  }
  for (const double s : side) edge.insert(edge.end(), {s, 0, s, 1, 0, s, 1, s});
  std::vector<LossTerm> terms{{.roots = {system.equations[0].residual}, .points = inner}};
  if (boundary == Boundary::soft)
    terms.push_back({.roots = {system.equations[1].residual}, .points = edge, .weight = 100});
  for (const double x : fine) {
    for (const double y : fine) grid.insert(grid.end(), {x, y});
  }
  const int u = system.equations[1].residual;
  Known known{system, network, Loss(system, network, terms), grid, {}, u};
  for (std::size_t i = 0; i < grid.size(); i += 2)
    known.exact.push_back(std::sin(std::numbers::pi * grid[i]) * std::sin(std::numbers::pi * grid[i + 1]));
  return known;
}

struct Outcome {
  double error = 0, loss = 0;
  int steps = 0, undamped = 0;
};

inline Outcome minimise(Known& known, optim::QuasiNewtonMethod method, std::uint64_t seed, int most) {
  auto x = split_mix_parameters(known.network, seed);
  optim::QuasiNewton optimiser({.method = method}, static_cast<base::Index>(x.size()));
  const auto function = [&](std::span<const double> at, std::span<double> gradient) {
    return known.loss.gradient(at, gradient);
  };
  optimiser.start(function, x);
  int steps = 0;
  while (steps < most && optimiser.step(function, x) == optim::QuasiNewtonEnd::none) ++steps;
  return {known.relative_error(x), optimiser.value(), steps};
}

inline Outcome least_squares(Known& known, const optim::LevenbergMarquardtSpec& spec, std::uint64_t seed,
                             int most) {
  auto x = split_mix_parameters(known.network, seed);
  const base::Index p = known.loss.parameter_count(), n = known.loss.residual_count();
  std::vector<double> jacobian(static_cast<std::size_t>(p * n));
  const optim::LeastSquaresProblem problem{
      .parameters = p,
      .residuals = n,
      .residual = [&](std::span<const double> at,
                      std::span<double> residual) { known.loss.stacked(at, residual); },
      .jacobian = [&](std::span<const double> at, std::span<double> residual,
                      std::span<double> out) { known.loss.jacobian(at, residual, out); }};
  optim::LevenbergMarquardt optimiser(spec, p, n);
  optimiser.start(problem, x);
  int steps = 0;
  while (steps < most && optimiser.step(problem, x) == optim::LeastSquaresEnd::none) ++steps;
  return {known.relative_error(x), optimiser.value(), steps, optimiser.undamped_steps()};
}

}  // namespace starling::pinn::testing
