#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::depth {

/// The job `limit`: errors of networks against their limit, and the claims; resumable claim by claim.
std::unique_ptr<study::Application> make_limit_application();

}  // namespace starling::depth
