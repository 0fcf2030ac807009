#include "starling/systems/students/compression.h"

namespace starling::students {
Fit polish(const SampleLoss& loss, const base::Vector<double>& start, const PolishSpec& spec, const Watch& watch) {
  return adamw(loss, start, {.rate = 0.01, .steps = spec.steps, .decay = optim::Decay::cosine}, {}, watch);
}
}  // namespace starling::students
