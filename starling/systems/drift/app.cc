#include "starling/systems/drift/app.h"

#include "starling/systems/drift/claims.h"
#include "starling/systems/drift/particles_app.h"
#include "starling/systems/drift/study_app.h"
#include "starling/systems/drift/train_app.h"
#include "starling/systems/drift/trained_run.h"

namespace starling::drift {

const study::System& system() {
  static const study::System instance{
      .name = "drift",
      .summary = "one-step generators trained by drifting fields, and the theory of those fields",
      .jobs = {"train", "study", "particles"},
      .make = [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "study") return make_study_application();
        if (job == "particles") return make_particles_application();
        return make_train_application();
      },
      .claims = [] { return catalogue().claims(); },
      .export_run = export_run,
      .sample = sample};
  return instance;
}

}  // namespace starling::drift
