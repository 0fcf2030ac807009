#pragma once
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {

/// What a finished generator is judged by: every distance as the mean over independent samples with a 95% interval, beside its
/// floor, the same distance between training and held-out data. Records metrics, warnings and figures.
void record_monitors(const Spec& spec, const Problem& problem, Generator& generator, const GeneratorState& state,
                     study::Store& store);

/// Warns when the kernel sees almost all points alike (flat) or almost none (starved) on this cloud: the effective number of
/// data points in a row's weights, as a share of all. Empty when all is well.
std::string kernel_warning(const Spec& spec, const base::Points<float>& x, const base::Points<float>& y);

}  // namespace starling::drift
