#pragma once
#include <vector>

#include "starling/study/system.h"

namespace starling {

/// Every system that a spec can name: what the command line and Python offer.
std::vector<const study::System*> all_systems();

}  // namespace starling
