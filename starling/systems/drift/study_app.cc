#include "starling/systems/drift/study_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "starling/base/error.h"
#include "starling/systems/drift/claims.h"

namespace starling::drift {
namespace {

using base::Error;
using base::ErrorKind;

void require_sizes(const std::string& key, const std::vector<std::int64_t>& sizes) {
  const auto distinct = std::set(sizes.begin(), sizes.end()).size();
  if (distinct >= 3) return;
  throw Error(
      ErrorKind::usage,
      fmt::format("study.{} has {} different sizes; expected at least 3 to fit a slope", key, distinct));
}

class StudyApplication : public study::Application {
 public:
  void describe(study::Description& description) override { drift::describe(description, spec_); }

  std::string plan() override {
    require_sizes("particles", spec_.particles);
    require_sizes("samples", spec_.samples);
    return fmt::format("study: {} claims, rates up to {} particles from {} starts, {} random clouds each",
                       catalogue().claims(spec_).size(), std::ranges::max(spec_.particles), spec_.seeds,
                       spec_.replicates);
  }

  void run(study::RunContext& context) override { catalogue().run(context, spec_); }

  study::OverRanks over_ranks() const override { return study::OverRanks::tasks; }

 private:
  StudySpec spec_;
};

}  // namespace

std::unique_ptr<study::Application> make_study_application() {
  return std::make_unique<StudyApplication>();
}

}  // namespace starling::drift
