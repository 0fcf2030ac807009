#include "starling/systems/depth/app.h"

#include "starling/systems/depth/language_app.h"
#include "starling/systems/depth/language_run.h"
#include "starling/systems/depth/limit_app.h"
#include "starling/systems/depth/limit_claims.h"

namespace starling::depth {

const study::System& system() {
  static const study::System instance{"depth",
                                      "transformers trained with AdamW, and their infinite-depth limit",
                                      {"train", "limit"},
                                      [](const std::string& job) {
                                        return job == "limit" ? make_limit_application()
                                                              : make_language_application();
                                      },
                                      limit_claims,
                                      sample,
                                      export_run,
                                      predict};
  return instance;
}

}  // namespace starling::depth
