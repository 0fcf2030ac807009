#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "starling/cli/command_line.h"
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

void print_template(const Toolbox& toolbox, const NewOptions& options);
void check_spec(const Toolbox& toolbox, const RunRequest& request);
int run(const Toolbox& toolbox, RunRequest request);
int sweep(const Toolbox& toolbox, SweepOptions options);
void sample(const Toolbox& toolbox, const SampleOptions& options);
void predict(const Toolbox& toolbox, const PredictOptions& options);
void export_model(const Toolbox& toolbox, const ExportOptions& options);
void rebuild_report(const Toolbox& toolbox, const std::string& run);
void list_claims(const Toolbox& toolbox, const std::string& system);
int examine(const Toolbox& toolbox);
void print_completion(const Toolbox& toolbox, const std::string& shell);

}  // namespace starling::cli
