#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "starling/study/store.h"

namespace starling::report {

// What a system may record as study::Figure::drawing. Axes are "x_label", "y_label", "log_x", "log_y", all
// optional, for the first two kinds, which may also have "reference_lines": [{"y", "label"}].
//
//   {"kind": "curves", "curves": [{"task", "series", "label"}]}                       recorded series against
//   the step
//   {"kind": "xy", "groups": [{"label", "x": [], "y": [], "error": [] optional, "error_below": [] optional,
//   "text": [] optional, "lower": [], "upper": [] optional: a band,
//                              "mode": "lines" | "markers" | "lines+markers" | "markers+text" | "bars"}]}
//   {"kind": "heatmap", "x": [names], "y": [names], "z": [[row of y 0], ...]}; with "numeric": true x and y
//   are numbers in order;
//   with "frames": [{"label", "z"}] in place of "z" a slider shows one after another, in the same colours
//   {"kind": "animation", "frames": [{"label", "x": [], "y": []}], "background": {"label", "x": [], "y": []}
//   optional}
//   {"kind": "image", "image": "ID"}                                                  a picture given to
//   record_image
//   {"kind": "floors", "metrics": ["energy_distance", ...]}                           value / floor of each,
//   by task

/// What page.js draws, complete in itself: kind "xy", "heatmap", "animation" or "image" (with the PNG in
/// base64). When there is nothing to draw it is {"kind": "none", "reason": ...}; what is missing from a
/// drawing is listed in "missing".
nlohmann::json resolve(const study::Store& store, const nlohmann::json& drawing);

}  // namespace starling::report
