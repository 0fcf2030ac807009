#include "starling/systems/pinn/bound_app.h"

#include <fmt/format.h>

#include "starling/systems/pinn/bound_claims.h"

namespace starling::pinn {
namespace {

constexpr const char* table_task = "factors";

class BoundApplication : public study::Application {
 public:
  void describe(study::Description& description) override { pinn::describe(description, spec_); }

  std::string plan() override {
    require_consistent(spec_);
    return fmt::format(
        "bounds: {} claims; classes of {} networks of width {}, {} draws of up to {} points; {} trainings of "
        "{} steps",
        catalogue().claims().size(), spec_.drawn.members, spec_.drawn.width, spec_.replicates,
        spec_.points.back(), spec_.trained_points.size() * static_cast<std::size_t>(spec_.runs), spec_.steps);
  }

  void run(study::RunContext& context) override {
    require_consistent(spec_);
    catalogue().run(
        context, spec_,
        {{table_task, [this](study::TaskContext& task) { record_equation_table(spec_, task.store); }}});
  }

 private:
  BoundStudySpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_bound_application() {
  return std::make_unique<BoundApplication>();
}

}  // namespace starling::pinn
