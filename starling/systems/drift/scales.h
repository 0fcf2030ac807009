#pragma once
#include <cstdint>
#include <vector>

#include "starling/base/matrix.h"
#include "starling/systems/drift/spec.h"

namespace starling::drift {

/// The length that every scale of [field] is a multiple of, as bandwidth_length gives it for the data y.
/// Error{usage} for a rule with `release`, whose scales are multiples of the mean distance already.
double scale_length(const DriftSpec& spec, const base::Points<float>& y, std::int64_t particles);

/// What `temperature` is in the units of the data at `step`: temperatures fall geometrically from
/// `anneal_from` over `anneal_steps`.
double scale_at(const DriftSpec& spec, double length, double temperature, std::int64_t step);

/// The same of every temperature of the spec, in its order.
std::vector<double> scales_at(const DriftSpec& spec, double length, std::int64_t step);

}  // namespace starling::drift
