#include "starling/systems/drift/study_app.h"

#include <fmt/format.h>

#include <algorithm>

#include "starling/base/error.h"
#include "starling/systems/drift/claims.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;

// One task a claim: a resumed study measures only what is missing.
class StudyApplication : public study::Application {
 public:
  void describe(study::Description& description) override { drift::describe(description, spec_); }

  std::string plan() override {
    if (spec_.particles.size() < 3) {
      throw Error(ErrorKind::usage,
                  fmt::format("study.particles has {} sizes; expected at least 3 to fit a slope",
                              spec_.particles.size()));
    }
    return fmt::format("study: {} claims, {} sizes up to {} particles, {} random clouds each",
                       claim_catalogue().size(), spec_.particles.size(),
                       *std::max_element(spec_.particles.begin(), spec_.particles.end()), spec_.replicates);
  }

  void run(study::RunContext& context) override {
    const auto claims = claim_catalogue();
    context.progress.begin("claims", static_cast<std::int64_t>(claims.size()));
    std::int64_t done = 0;
    for (const study::Claim& claim : claims) {
      if (context.interrupted()) {
        throw Error(ErrorKind::interrupted,
                    fmt::format("interrupted before claim {}; continue with --resume", claim.id));
      }
      if (!context.store.is_done(claim.id)) {
        study::Store::Transaction transaction(context.store);
        context.store.record(measure(claim, spec_, context.store));
        context.store.mark_done(claim.id);
        transaction.commit();
      }
      context.progress.update(++done, {});
    }
    context.progress.end();
  }

 private:
  StudySpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_study_application() {
  return std::make_unique<StudyApplication>();
}

}  // namespace starling::drift
