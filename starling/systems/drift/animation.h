#pragma once
#include <functional>
#include <string>

#include "starling/base/matrix.h"
#include "starling/study/store.h"

namespace starling::drift {

/// Keeps a cloud in the plane (N, 2) as the frame `number` of the run's animation; at most its first 400
/// points. A frame recorded again replaces the first, so that a resumed run may repeat it.
void record_frame(study::Store& store, std::int64_t number, const base::PointsRef<double>& cloud);

/// Makes the figure of all frames in order, over `background` (M, 2; at most 1,500 points are drawn). `label`
/// says what a frame's number means.
void record_animation(study::Store& store, const std::string& title, const std::string& caption,
                      const base::PointsRef<double>& background,
                      const std::function<std::string(std::int64_t number)>& label);

}  // namespace starling::drift
