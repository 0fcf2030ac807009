#include "starling/systems/pinn/bound_norms.h"

#include <cmath>

#include "starling/base/error.h"
#include "starling/systems/pinn/references.h"

namespace starling::pinn {
namespace {

// 1 up to the domain's end, 0 from one length beyond it.
double window(double x, double low, double high) {
  const double beyond = std::max(low - x, x - high) / (high - low);
  if (beyond <= 0) return 1;
  if (beyond >= 1) return 0;
  return 1 / (1 + std::exp(1 / (1 - beyond) - 1 / beyond));
}

}  // namespace

std::vector<double> windowed_norms(const System& system, int node, const nets::JetNetwork& network,
                                   std::span<const double> parameters, std::span<const double> orders) {
  const std::size_t axes = system.axes.size();
  if (!system.domain || axes > 2) return {};
  const Box& box = *system.domain;
  const std::size_t per_axis = axes == 1 ? 1024 : 256;
  std::vector<std::size_t> shape(axes, per_axis);
  std::vector<double> spacing, points, factors;
  for (std::size_t a = 0; a < axes; ++a)
    spacing.push_back(3 * (box.high[a] - box.low[a]) / static_cast<double>(per_axis));
  const std::size_t count = axes == 1 ? per_axis : per_axis * per_axis;
  for (std::size_t i = 0; i < count; ++i) {
    double factor = 1;
    for (std::size_t a = 0; a < axes; ++a) {
      const std::size_t at = axes == 2 && a == 0 ? i / per_axis : i % per_axis;
      const double x = 2 * box.low[a] - box.high[a] + spacing[a] * static_cast<double>(at);
      points.push_back(x);
      factor *= window(x, box.low[a], box.high[a]);
    }
    factors.push_back(factor);
  }
  const Residual<double> residual(system, {node}, network);
  Residual<double>::Workspace workspace;
  std::vector<double> values(count), out;
  residual.values(parameters, points.data(), static_cast<std::ptrdiff_t>(count), workspace, values.data());
  for (std::size_t i = 0; i < count; ++i) values[i] *= factors[i];
  for (const double order : orders) out.push_back(sobolev_norm(values, shape, spacing, order));
  return out;
}

double least_smoothness(std::size_t axes) {
  return std::floor(static_cast<double>(axes) / 2) + 1;
}

GapBound gap_bound(double complexity, double largest, double n, double delta) {
  return {4 * largest * complexity, 3 * largest * largest * std::sqrt(std::log(2 / delta) / (2 * n))};
}

double bernstein_bound(std::span<const double> values, double largest, double delta) {
  const auto n = static_cast<double>(values.size());
  if (values.size() < 2)
    throw base::Error(base::ErrorKind::usage, "Bernstein's bound: fewer than two values");
  double mean = 0, variance = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) variance += (value - mean) * (value - mean) / (n - 1);
  const double log = std::log(2 / delta);
  return mean + std::sqrt(2 * variance * log / n) + 7 * largest * log / (3 * (n - 1));
}

}  // namespace starling::pinn
