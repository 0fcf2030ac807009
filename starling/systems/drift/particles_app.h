#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::drift {

/// The job `particles`: a cloud that a method moves towards a law, without a network; checkpointed and
/// resumable.
std::unique_ptr<study::Application> make_particles_application();

}  // namespace starling::drift
