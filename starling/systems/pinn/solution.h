#pragma once
#include <span>
#include <string>
#include <vector>

#include "starling/math/statistics.h"
#include "starling/study/store.h"
#include "starling/systems/pinn/problem.h"

namespace starling::pinn {

/// Values of nodes of the system's graph for the parameters of one window, at points (n, axes): node after
/// node.
std::vector<double> values_within(const Problem& problem, const std::vector<int>& nodes,
                                  std::span<const double> parameters, std::span<const double> points);

/// The same for the parameters of all windows, one set after another, each point in its own window.
std::vector<double> values_of(const Problem& problem, const std::vector<int>& nodes,
                              std::span<const double> parameters, std::span<const double> points);

/// |found - known|_2 / |known|_2 and the largest |found - known| of a quantity over the reference's points.
struct SolutionError {
  std::string quantity;
  double relative = 0, largest = 0;
};
/// One for every quantity that has a reference.
std::vector<SolutionError> solution_errors(const Problem& problem, std::span<const double> parameters);

/// The root mean square of all equations' residuals over `count` points that no training saw, with its
/// interval.
math::MeanInterval residual_size(const Problem& problem, std::span<const double> parameters,
                                 std::int64_t count, std::uint64_t seed);

/// Draws quantities, their errors where they are known in closed form, the equations' residuals and the
/// points.
void record_solution_figures(study::Store& store, const Problem& problem, std::span<const double> parameters,
                             std::span<const double> interior);

}  // namespace starling::pinn
