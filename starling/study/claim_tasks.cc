#include "starling/study/claim_tasks.h"

namespace starling::study {

void measure_claims(RunContext& context, const std::vector<Claim>& claims, const MeasureClaim& measure,
                    std::vector<Task> shared, const NeedsOfClaim& needs) {
  std::vector<Task> tasks = std::move(shared);
  for (const Claim& claim : claims) {
    tasks.push_back({claim.id,
                     [&claim, &measure](TaskContext& task) { task.store.record(measure(claim, task.store)); },
                     needs ? needs(claim) : std::vector<std::string>()});
  }
  run_tasks(context, "claims", tasks);
}

}  // namespace starling::study
