#pragma once
#include "starling/study/system.h"

namespace starling::depth {

/// The system `depth` as the command line and Python see it.
const study::System& system();

}  // namespace starling::depth
