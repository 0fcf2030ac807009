#pragma once
#include "starling/systems/drift/cloud_measures.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// The size of the clouds that training_measures compares: 400, or what the first class has.
base::Index measured_points(const Problem& problem);

/// What theory says of the cloud as training sees it: up to 400 samples (of the first class) against as many
/// data points, in features, at this step's scales. seen_data at the largest scale and seen_data_nearby at
/// the smallest; occupancy where the scale is a length; mismatch_share of the one-scale, self-interacting
/// Laplace displacement; stein_drift, smoothed_fisher and smoothed_kl (where a grid is cheap) of the
/// conservative Gaussian field.
Measures training_measures(const Spec& spec, const Problem& problem, Generator& generator,
                           const GeneratorState& state);

}  // namespace starling::drift
