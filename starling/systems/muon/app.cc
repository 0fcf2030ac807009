#include "starling/systems/muon/app.h"

#include <fmt/format.h>

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
        catalogue().claims().size(), spec_.chaos_particles.back(), spec_.chaos_replicates,
        spec_.chaos_reference);
  }

  void run(study::RunContext& context) override {
    require_consistent(spec_);
    catalogue().run(context, spec_);
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  FlowSpec spec_;
};

}  // namespace

const study::System& system() {
  static const study::System instance{
      .name = "muon",
      .summary = "the Muon optimiser as a damped Hamiltonian flow of matrix particles",
      .jobs = {"train", "flow"},
      .make = [](const std::string& job) -> std::unique_ptr<study::Application> {
        if (job == "flow") return std::make_unique<FlowApplication>();
        return make_train_application();
      },
      .claims = [] { return catalogue().claims(); },
      .export_run = export_run,
      .predict = predict};
  return instance;
}

}  // namespace starling::muon
