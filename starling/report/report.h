#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "starling/study/run_directory.h"
#include "starling/study/store.h"

namespace starling::report {

/// One self-contained HTML page: what ran, warnings, figures, metrics with intervals and floors, claims with
/// verdicts, the config and the manifest. A function of its arguments alone. When all figures are drawn,
/// `document.body.dataset.ready` is their number; `document.documentElement.dataset.errors` counts the errors
/// that the page met. Expects in `manifest` what study::run_spec writes; what is missing is left out.
std::string render_report(const study::Store& store, const nlohmann::json& manifest);

/// Writes report.html of a run. Error{input} when the run's database or manifest cannot be read, or the page
/// not written.
void write_report(const study::RunDirectory& run);

}  // namespace starling::report
