#include "starling/systems/depth/app.h"

#include "starling/study/run_config.h"
#include "starling/systems/depth/diagnose_app.h"
#include "starling/systems/depth/language_app.h"
#include "starling/systems/depth/language_run.h"
#include "starling/systems/depth/limit_app.h"
#include "starling/systems/depth/limit_claims.h"
#include "starling/systems/depth/sequence_app.h"

namespace starling::depth {

namespace {

std::unique_ptr<study::Application> make(const std::string& job) {
  if (job == "limit") return make_limit_application();
  if (job == "diagnose") return make_diagnose_application();
  return job == "sequence" ? make_sequence_application() : make_language_application();
}

bool is_of_sequences(const study::RunDirectory& directory) {
  return study::job_of(directory) == "sequence";
}

std::vector<std::filesystem::path> export_any(const study::RunDirectory& directory,
                                              const std::filesystem::path& out) {
  return is_of_sequences(directory) ? export_sequence_run(directory, out) : export_run(directory, out);
}

void predict_any(const study::RunDirectory& directory, const study::PredictRequest& request) {
  if (is_of_sequences(directory)) return predict_sequences(directory, request);
  predict(directory, request);
}

}  // namespace

const study::System& system() {
  static const study::System instance{
      .name = "depth",
      .summary = "transformers trained with AdamW, and their infinite-depth limit",
      .jobs = {"train", "limit", "sequence", "diagnose"},
      .make = make,
      .claims = [] { return catalogue().claims(); },
      .export_run = export_any,
      .sample = sample,
      .predict = predict_any};
  return instance;
}

}  // namespace starling::depth
