#pragma once
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/cloud_measures.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {

/// What a finished generator is judged by: every distance as the mean over independent samples with a 95%
/// interval, beside its floor, the same distance between training and held-out data. Records metrics,
/// warnings and figures.
void record_monitors(const Spec& spec, const Problem& problem, Generator& generator,
                     const GeneratorState& state, study::Store& store);

/// What theory says of the cloud as training sees it: up to 400 samples (of the first class) against as many
/// data points, in features, at this step's scales. seen_data at the largest scale and seen_data_nearby at
/// the smallest; occupancy where the scale is a length; mismatch_share of the Laplace displacement;
/// stein_drift, smoothed_fisher and smoothed_kl (where a grid is cheap) of the conservative Gaussian field.
Measures training_measures(const Spec& spec, const Problem& problem, Generator& generator,
                           const GeneratorState& state);

}  // namespace starling::drift
