#pragma once
#include "starling/study/system.h"

namespace starling::students {

/// The system `students` as the command line and Python see it.
const study::System& system();

}  // namespace starling::students
