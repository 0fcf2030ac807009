#pragma once
#include "starling/study/store.h"
#include "starling/systems/depth/limit_spec.h"

namespace starling::depth {

/// Draws one network that has all heads of the law in each of 16 layers, trained for the study's last step:
/// its tokens over depth beside their targets, in their first two coordinates, and who attends to whom in the
/// middle, before and after.
void record_pictures(const LimitStudySpec& spec, study::Store& store);

}  // namespace starling::depth
