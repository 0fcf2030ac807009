#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "starling/cli/command_line.h"
#include "starling/cli/help.h"
#include "starling/cli/outcome.h"

namespace starling::cli {

struct NewOptions {
  std::string system, job = "train";
};
struct RunRequest {
  std::string spec;
  study::RunOptions options;
  Output output;
};
struct SweepOptions {
  RunRequest run;
  std::vector<std::string> over;
  std::string measure;
  bool maximize = false;
};
struct SampleOptions {
  std::string run;
  study::SampleRequest request;
};
struct PredictOptions {
  std::string run;
  study::PredictRequest request;
};
struct ExportOptions {
  std::string run, out;
};
struct ClaimsOptions {
  std::string system;
  bool json = false;
};
struct ManualOptions {
  std::string page = "starling";
  bool markdown = false;
};

void print_template(const Toolbox& toolbox, const NewOptions& options);
void check_spec(const Toolbox& toolbox, const RunRequest& request);
int run(const Toolbox& toolbox, RunRequest request);
int sweep(const Toolbox& toolbox, SweepOptions options);
void sample(const Toolbox& toolbox, const SampleOptions& options);
void predict(const Toolbox& toolbox, const PredictOptions& options);
void export_model(const Toolbox& toolbox, const ExportOptions& options);
void rebuild_report(const Toolbox& toolbox, const std::string& run);
void list_claims(const Toolbox& toolbox, const ClaimsOptions& options);
int examine(const Toolbox& toolbox);
void print_completion(const Toolbox& toolbox, const ProgramHelp& help, const std::string& shell);
/// The program's page, or that of a system's specs, for man(1) or in Markdown.
void print_manual(const Toolbox& toolbox, const ProgramHelp& help, const ManualOptions& options);

}  // namespace starling::cli
