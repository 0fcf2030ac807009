#include "starling/study/claim_tasks.h"

#include <fmt/format.h>

#include "starling/base/error.h"

namespace starling::study {

void measure_claims(RunContext& context, const std::vector<Claim>& claims, const MeasureClaim& measure) {
  context.progress.begin("claims", static_cast<std::int64_t>(claims.size()));
  std::int64_t done = 0;
  for (const Claim& claim : claims) {
    if (context.interrupted()) {
      throw base::Error(base::ErrorKind::interrupted,
                        fmt::format("interrupted before claim {}; continue with --resume", claim.id));
    }
    if (!context.store.is_done(claim.id)) {
      Store::Transaction transaction(context.store);
      context.store.record(measure(claim, context.store));
      context.store.mark_done(claim.id);
      transaction.commit();
    }
    context.progress.update(++done, {});
  }
  context.progress.end();
}

}  // namespace starling::study
