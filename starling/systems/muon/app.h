#pragma once
#include "starling/study/system.h"

namespace starling::muon {

/// The system `muon` as the command line and Python see it.
const study::System& system();

}  // namespace starling::muon
