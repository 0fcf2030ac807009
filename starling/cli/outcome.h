#pragma once
#include "starling/study/progress.h"
#include "starling/study/run_directory.h"

namespace starling::cli {

/// How a run speaks, and whether a failed claim is a failure.
struct Output {
  bool json = false, quiet = false, strict = false;
};

study::Progress::Style progress_style(const Output& output);

/// Prints metrics, claims, warnings and where the report is; returns the exit code.
int show_outcome(const study::RunDirectory& directory, const Output& output);

}  // namespace starling::cli
