#include "starling/systems/drift/scales.h"

#include <algorithm>
#include <cmath>

#include "starling/base/error.h"

namespace starling::drift {

double scale_length(const DriftSpec& spec, const base::Points<float>& y, std::int64_t particles) {
  if (spec.bandwidth.rule == BandwidthRule::fixed) return 1;
  if (spec.field == TrainField::release) {
    throw base::Error(
        base::ErrorKind::usage,
        "field.rule: release measures in units of the mean distance already; expected \"fixed\"");
  }
  return bandwidth_length(spec.bandwidth, y.cast<double>(), particles);
}

double scale_at(const DriftSpec& spec, double length, double temperature, std::int64_t step) {
  if (spec.anneal_from <= 0) return length * temperature;
  const double left = std::max(0.0, 1 - static_cast<double>(step) / static_cast<double>(spec.anneal_steps));
  return length * temperature * std::pow(spec.anneal_from / temperature, left);
}

std::vector<double> scales_at(const DriftSpec& spec, double length, std::int64_t step) {
  std::vector<double> out;
  for (const double temperature : spec.temperatures) out.push_back(scale_at(spec, length, temperature, step));
  return out;
}

}  // namespace starling::drift
