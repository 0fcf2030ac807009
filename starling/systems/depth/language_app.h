#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::depth {

/// The job `train`: a small GPT on a text; checkpointed and resumable.
std::unique_ptr<study::Application> make_language_application();

}  // namespace starling::depth
