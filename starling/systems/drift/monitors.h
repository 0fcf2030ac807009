#pragma once
#include <string>
#include <vector>

#include "starling/study/store.h"
#include "starling/systems/drift/generator.h"
#include "starling/systems/drift/problem.h"

namespace starling::drift {

/// What a finished generator is judged by: every distance as the mean over independent samples with a 95%
/// interval, beside its floor, the same distance between training and held-out data. Records metrics,
/// warnings and figures.
void record_monitors(const Spec& spec, const Problem& problem, Generator& generator,
                     const GeneratorState& state, study::Store& store);

}  // namespace starling::drift
