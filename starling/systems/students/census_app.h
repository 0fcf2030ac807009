#pragma once
#include <memory>

#include "starling/study/system.h"

namespace starling::students {

/// The job `census`: where gradient flows of each number of students end. One task a number, resumable.
std::unique_ptr<study::Application> make_census_application();

}  // namespace starling::students
