#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::drift {

/// The job `train`: a one-step generator with its monitors, checkpointed and resumable.
std::unique_ptr<study::Application> make_train_application();

}  // namespace starling::drift
