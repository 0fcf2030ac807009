#pragma once
#include "starling/study/system.h"

namespace starling::drift {

/// The system `drift` as the command line and Python see it.
const study::System& system();

}  // namespace starling::drift
