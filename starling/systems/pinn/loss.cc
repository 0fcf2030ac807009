#include "starling/systems/pinn/loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "starling/base/error.h"
#include "starling/base/random.h"

namespace starling::pinn {

Loss::Loss(const System& system, const nets::JetNetwork& network, std::vector<LossTerm> terms)
    : axes_(static_cast<std::ptrdiff_t>(system.axes.size())) {
  if (terms.empty()) throw base::Error(base::ErrorKind::usage, "loss: no terms; expected at least one");
  for (LossTerm& term : terms) {
    Residual<double> residual(system, term.roots, network);
    parts_.push_back(std::make_unique<Part>(std::move(term), std::move(residual)));
    Part& part = *parts_.back();
    for (const WeakForm& form : part.term.weak) part.weak.emplace_back(system, form, network, part.term.mesh);
    if (!part.weak.empty()) part.term.points = part.weak.front().points();
    count_points(*parts_.back());
  }
  parameters_ = parts_.front()->residual.parameter_count();
}

void Loss::count_points(Part& part) const {
  const auto size = static_cast<std::ptrdiff_t>(part.term.points.size());
  part.points = size / axes_;
  const auto weights = static_cast<std::ptrdiff_t>(part.term.point_weights.size());
  if (size == 0 || size % axes_ != 0 || (weights != 0 && weights != part.points)) {
    throw base::Error(
        base::ErrorKind::usage,
        fmt::format("loss: {} coordinates and {} weights of points on {} axes; expected rows of the axes, "
                    "and a weight for each or none",
                    size, weights, axes_));
  }
  const auto targets = static_cast<std::ptrdiff_t>(part.term.targets.size());
  if (targets != 0 && targets != part.points * part.residual.roots())
    throw base::Error(base::ErrorKind::usage, fmt::format("loss: {} targets for {} residuals", targets,
                                                          part.points * part.residual.roots()));
}

const double* Loss::targets_of(const Part& part) {
  return part.term.targets.empty() ? nullptr : part.term.targets.data();
}

std::ptrdiff_t Loss::residual_count() const {
  std::ptrdiff_t count = 0;
  for (const auto& part : parts_) count += part->rows();
  return count;
}

std::ptrdiff_t Loss::Part::rows() const {
  return weak.empty() ? points * residual.roots()
                      : static_cast<std::ptrdiff_t>(weak.size()) * weak[0].count();
}

double Loss::add_gradient(Part& part, std::span<const double> parameters, double weight,
                          std::span<double> gradient) {
  const double* weights = part.term.point_weights.empty() ? nullptr : part.term.point_weights.data();
  if (part.weak.empty())
    return part.residual.add_gradient(parameters, part.term.points.data(), part.points, weights, weight,
                                      part.workspace, gradient, nullptr, targets_of(part));
  double sum = 0;
  for (WeakResidual& weak : part.weak)
    sum += weak.add_gradient(parameters, weight / static_cast<double>(weak.count()), gradient);
  return sum;
}

void Loss::set_points(std::size_t number, std::vector<double> points, std::vector<double> point_weights) {
  Part& part = *parts_[number];
  part.term.points = std::move(points);
  part.term.point_weights = std::move(point_weights);
  count_points(part);
}

void Loss::set_point_weights(std::size_t number, std::vector<double> point_weights) {
  parts_[number]->term.point_weights = std::move(point_weights);
  count_points(*parts_[number]);
}

void Loss::term_gradient(std::size_t number, std::span<const double> parameters, std::span<double> gradient) {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  add_gradient(*parts_[number], parameters, 1.0, gradient);
}

double Loss::kernel_diagonal(std::size_t number, std::span<const double> parameters) {
  constexpr std::ptrdiff_t together = 256;  // rows of the Jacobian at a time
  Part& part = *parts_[number];
  if (!part.weak.empty()) {
    std::vector<double> all(static_cast<std::size_t>(part.rows() * parameters_));
    std::ptrdiff_t row = 0;
    for (WeakResidual& weak : part.weak) {
      weak.jacobian(parameters, 1, all.data() + row, part.rows());
      row += weak.count();
    }
    double squares = 0;
    for (const double slope : all) squares += slope * slope;
    return squares / static_cast<double>(part.rows());
  }
  const std::ptrdiff_t roots = part.residual.roots();
  std::vector<double> rows(static_cast<std::size_t>(together * roots)),
      jacobian(rows.size() * static_cast<std::size_t>(parameters_));
  double sum = 0;
  for (std::ptrdiff_t begin = 0; begin < part.points; begin += together) {
    const std::ptrdiff_t count = std::min(together, part.points - begin), stride = count * roots;
    part.residual.jacobian(parameters, part.term.points.data() + begin * axes_, count, nullptr,
                           static_cast<double>(count), part.workspace, rows.data(), jacobian.data(), stride);
    for (std::ptrdiff_t i = 0; i < stride * parameters_; ++i)
      sum += jacobian[static_cast<std::size_t>(i)] * jacobian[static_cast<std::size_t>(i)];
  }
  return sum / static_cast<double>(part.points * roots);
}

double Loss::gradient(std::span<const double> parameters, std::span<double> gradient) {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  double sum = 0;
  for (const auto& part : parts_) {
    part->value = add_gradient(*part, parameters, part->term.weight, gradient);
    sum += part->value;
  }
  return sum;
}

std::vector<double> Loss::residuals(std::size_t number, std::span<const double> parameters) {
  Part& part = *parts_[number];
  std::vector<double> out(static_cast<std::size_t>(part.points * part.residual.roots()));
  part.residual.values(parameters, part.term.points.data(), part.points, part.workspace, out.data());
  for (std::size_t i = 0; i < part.term.targets.size(); ++i) out[i] -= part.term.targets[i];
  return out;
}

void Loss::stacked(std::span<const double> parameters, std::span<double> residual) {
  std::ptrdiff_t row = 0;
  for (const auto& part : parts_) {
    stack(*part, parameters, residual.data() + row);
    row += part->rows();
  }
}

void Loss::stack(Part& part, std::span<const double> parameters, double* out) {
  for (WeakResidual& weak : part.weak) {
    const std::span<double> own(out, static_cast<std::size_t>(weak.count()));
    weak.values(parameters, own);
    const double each = std::sqrt(part.term.weight / static_cast<double>(own.size()));
    for (double& value : own) value *= each;
    out += own.size();
  }
  if (!part.weak.empty()) return;
  part.residual.values(parameters, part.term.points.data(), part.points, part.workspace, out);
  const auto& weights = part.term.point_weights;
  const double each = std::sqrt(part.term.weight / static_cast<double>(part.points));
  for (std::ptrdiff_t i = 0; i < part.rows(); ++i) {
    if (!part.term.targets.empty()) out[i] -= part.term.targets[static_cast<std::size_t>(i)];
    out[i] *= weights.empty()
                  ? each
                  : std::sqrt(part.term.weight * weights[static_cast<std::size_t>(i % part.points)]);
  }
}

void Loss::jacobian(std::span<const double> parameters, std::span<double> residual,
                    std::span<double> jacobian) {
  const std::ptrdiff_t stride = residual_count();
  std::ptrdiff_t row = 0;
  for (const auto& part : parts_) {
    if (!part->weak.empty()) stack(*part, parameters, residual.data() + row);
    for (WeakResidual& weak : part->weak) {
      const double factor = std::sqrt(part->term.weight / static_cast<double>(weak.count()));
      weak.jacobian(parameters, factor, jacobian.data() + row, stride);
      row += weak.count();
    }
    if (!part->weak.empty()) continue;
    const double* weights = part->term.point_weights.empty() ? nullptr : part->term.point_weights.data();
    part->residual.jacobian(parameters, part->term.points.data(), part->points, weights, part->term.weight,
                            part->workspace, residual.data() + row, jacobian.data() + row, stride,
                            targets_of(*part));
    row += part->rows();
  }
}

std::vector<nets::JetFeature> periodic_features(const System& system, int waves) {
  std::vector<nets::JetFeature> features;
  if (std::find(system.periodic.begin(), system.periodic.end(), true) == system.periodic.end())
    return features;
  for (std::size_t a = 0; a < system.axes.size(); ++a) {
    if (!system.periodic[a]) {
      features.push_back({.axis = static_cast<int>(a)});
      continue;
    }
    if (!system.domain) {
      throw base::Error(base::ErrorKind::usage,
                        fmt::format("periodic {}: no domain; expected domain {} = low..high", system.axes[a],
                                    system.axes[a]));
    }
    const double length = system.domain->high[a] - system.domain->low[a];
    for (int k = 1; k <= waves; ++k) {
      for (const double phase : {0.0, -std::numbers::pi / 2}) {
        nets::JetFeature wave{.wave = true, .phase = phase};
        wave.frequency[a] = 2 * std::numbers::pi * k / length;
        features.push_back(wave);
      }
    }
  }
  return features;
}

std::vector<double> initial_parameters(const System& system, const nets::JetNetwork& network,
                                       std::uint64_t seed) {
  std::vector<double> parameters(static_cast<std::size_t>(network.parameter_count()), 0.0);
  base::Stream stream(seed, 0, "initial");
  for (std::ptrdiff_t l = 0; l < network.layers(); ++l) {
    const auto inputs = network.widths[static_cast<std::size_t>(l)],
               outputs = network.widths[static_cast<std::size_t>(l + 1)];
    const double bound = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
    for (std::ptrdiff_t i = 0; i < inputs * outputs; ++i)
      parameters[static_cast<std::size_t>(network.weight(l) + i)] = bound * (2 * stream.uniform() - 1);
  }
  for (const Learned& coefficient : system.learned)
    parameters.push_back(coefficient.positive ? std::log(coefficient.initial) : coefficient.initial);
  return parameters;
}

}  // namespace starling::pinn
