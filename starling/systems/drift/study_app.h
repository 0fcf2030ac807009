#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::drift {

/// The job `study`: every claim measured, one task a claim.
std::unique_ptr<study::Application> make_study_application();

}  // namespace starling::drift
