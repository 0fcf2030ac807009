#pragma once
#include "starling/study/system.h"

namespace starling::pinn {

/// Networks that solve differential equations, for the command line and Python.
const study::System& system();

}  // namespace starling::pinn
