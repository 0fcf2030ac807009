#pragma once
#include <functional>

#include "starling/systems/students/flow_end.h"
#include "starling/systems/students/landscape.h"

namespace starling::students {

/// A student at the end of its flow.
struct Settled {
  Neurons student;
  FlowResult end;
};

/// The gradient flow of one student to its end, for students too large, or activations too costly, for the
/// lanes of lane_flow.h. A dying relu neuron is held at w = 0 as there. `observe`, when given, sees the
/// student after each step.
Settled settle_alone(const Landscape& landscape, const Neurons& start, Outgoing outgoing,
                     const FlowOptions& options,
                     const std::function<void(double time, const Neurons& now)>& observe = {});

}  // namespace starling::students
