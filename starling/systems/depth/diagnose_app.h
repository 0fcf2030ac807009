#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::depth {

/// The job diagnose: DiagnoseSpec.
std::unique_ptr<study::Application> make_diagnose_application();

}  // namespace starling::depth
