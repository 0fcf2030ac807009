#include "starling/systems/muon/app.h"

#include <fmt/format.h>

#include "starling/base/error.h"
#include "starling/study/claim_tasks.h"
#include "starling/systems/muon/claims.h"
#include "starling/systems/muon/train_app.h"
#include "starling/systems/muon/trained_run.h"

namespace starling::muon {
namespace {

class FlowApplication : public study::Application {
 public:
  void describe(study::Description& description) override { muon::describe(description, spec_); }

  std::string plan() override {
    require_consistent(spec_);
    const auto objective = objective_of(spec_);
    return fmt::format(
        "flow: {} particles of {} numbers to time {:g}, beta = {:g} at dt = {:g}; {} claims, chaos up to {} "
        "particles "
        "from {} starts against {}",
        spec_.particles, objective->particle_size(), spec_.horizon, 1 - spec_.gamma * spec_.dt, spec_.dt,
        claim_catalogue().size(), spec_.chaos_particles.back(), spec_.chaos_replicates,
        spec_.chaos_reference);
  }

  void run(study::RunContext& context) override {
    require_consistent(spec_);
    study::measure_claims(
        context, claim_catalogue(),
        [this](const study::Claim& claim, study::Store& store) { return measure(claim, spec_, store); },
        {shared_flow(spec_)},
        [this](const study::Claim& claim) {
          return reads_flow(claim) ? std::vector<std::string>{shared_flow(spec_).name}
                                   : std::vector<std::string>();
        });
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  FlowSpec spec_;
};

}  // namespace

const study::System& system() {
  static const study::System instance{
      "muon",
      "the Muon optimiser as a damped Hamiltonian flow of matrix particles",
      {"train", "flow"},
      [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "train") return make_train_application();
        return std::make_unique<FlowApplication>();
      },
      claim_catalogue,
      [](const study::RunDirectory& directory, const study::SampleRequest&) {
        throw base::Error(base::ErrorKind::usage,
                          directory.path().string() + ": muon has no samples; use predict or export");
      },
      export_run,
      predict};
  return instance;
}

}  // namespace starling::muon
