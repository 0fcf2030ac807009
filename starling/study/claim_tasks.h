#pragma once
#include <functional>
#include <string>
#include <vector>

#include "starling/study/task_grid.h"

namespace starling::study {

/// Measures one claim and gives its verdict; what it was judged by goes to the store.
using MeasureClaim = std::function<Claim(const Claim&, Store&)>;

/// The names of the shared tasks that a claim reads.
using NeedsOfClaim = std::function<std::vector<std::string>(const Claim&)>;

/// What several claims read, each measured once, and one task a claim: see run_tasks. A resumed study
/// measures only what is missing.
void measure_claims(RunContext& context, const std::vector<Claim>& claims, const MeasureClaim& measure,
                    std::vector<Task> shared = {}, const NeedsOfClaim& needs = {});

}  // namespace starling::study
