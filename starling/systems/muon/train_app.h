#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::muon {

/// The job `train`: a network on the user's data by one optimiser, with its matrices watched; checkpointed
/// and resumable.
std::unique_ptr<study::Application> make_train_application();

}  // namespace starling::muon
