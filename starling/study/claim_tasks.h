#pragma once
#include <functional>
#include <vector>

#include "starling/study/system.h"

namespace starling::study {

/// Measures one claim and gives its verdict; what it was judged by goes to the store.
using MeasureClaim = std::function<Claim(const Claim&, Store&)>;

/// One task a claim, each a transaction of its own: a resumed study measures only what is missing.
/// Error{interrupted} between claims once the user asked to stop.
void measure_claims(RunContext& context, const std::vector<Claim>& claims, const MeasureClaim& measure);

}  // namespace starling::study
