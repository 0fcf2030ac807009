#include "starling/systems/drift/guidance.h"

#include <cmath>

namespace starling::drift {

double draw_guidance(const GuidanceSpec& spec, base::Stream& stream) {
  const double coin = stream.uniform(), u = stream.uniform();
  if (!spec.active() || coin < spec.plain_share) return 1;
  const double w = 1 - spec.power;
  if (std::abs(w) < 1e-9) return std::pow(spec.largest, u);
  return std::pow(1 + u * (std::pow(spec.largest, w) - 1), 1 / w);
}

double negative_weight(const GuidanceSpec& spec, double alpha, std::int64_t generated) {
  return (alpha - 1) * static_cast<double>(generated - 1) / static_cast<double>(spec.negatives);
}

}  // namespace starling::drift
