#include "starling/systems/depth/app.h"

#include "starling/systems/depth/language_app.h"
#include "starling/systems/depth/language_run.h"

namespace starling::depth {

const study::System& system() {
  static const study::System instance{"depth",
                                      "transformers trained with AdamW, and their infinite-depth limit",
                                      {"train"},
                                      [](const std::string&) { return make_language_application(); },
                                      [] { return std::vector<study::Claim>(); },
                                      sample,
                                      export_run,
                                      predict};
  return instance;
}

}  // namespace starling::depth
