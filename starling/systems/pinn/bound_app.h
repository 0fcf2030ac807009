#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::pinn {

/// The job `bounds`: the bound's factors term by term, and the claims; resumable claim by claim.
std::unique_ptr<study::Application> make_bound_application();

}  // namespace starling::pinn
