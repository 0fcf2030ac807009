#include "starling/systems/depth/limit_app.h"

#include <fmt/format.h>

#include "starling/systems/depth/limit_claims.h"
#include "starling/systems/depth/limit_pictures.h"

namespace starling::depth {
namespace {

constexpr const char* limit_pictures_task = "pictures";

class LimitApplication : public study::Application {
 public:
  void describe(study::Description& description) override { depth::describe(description, spec_); }

  std::string plan() override {
    require_consistent(spec_);
    return fmt::format(
        "limit: {} claims; {} cells of {} networks, to {} layers of {} heads, {} steps of AdamW; {} atoms of "
        "width {} on {} tokens",
        catalogue().claims().size(), spec_.layers.size() * spec_.heads.size(), spec_.replicas,
        spec_.layers.back(), spec_.heads.back(), spec_.steps.back(), spec_.problem.atoms, spec_.problem.width,
        spec_.problem.tokens);
  }

  void run(study::RunContext& context) override {
    require_consistent(spec_);
    catalogue().run(
        context, spec_,
        {{limit_pictures_task, [this](study::TaskContext& task) { record_pictures(spec_, task.store); }}});
  }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  LimitStudySpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_limit_application() {
  return std::make_unique<LimitApplication>();
}

}  // namespace starling::depth
