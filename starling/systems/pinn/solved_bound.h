#pragma once
#include <span>

#include "starling/study/store.h"
#include "starling/systems/pinn/problem.h"

namespace starling::pinn {

/// Records, under `task` of the store, what theory says of the residuals of a trained network, beside what is
/// measured over `fresh` points (n, axes) that the training did not see, one block for every equation: the
/// gap of the mean squared residual, a hold-out bound of it, the reconstructed bound term by term, and the
/// comparisons of Golowich and Bartlett. Bounds that say nothing are called vacuous.
void record_generalisation(study::Store& store, const std::string& task, const Problem& problem,
                           std::span<const double> parameters, std::span<const double> trained,
                           std::span<const double> fresh);

}  // namespace starling::pinn
