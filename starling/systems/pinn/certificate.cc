#include "starling/systems/pinn/certificate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <optional>

#include "starling/base/error.h"
#include "starling/math/legendre.h"
#include "starling/systems/pinn/windows.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// A side of the box, and the condition that gives the solution there.
struct Side {
  std::size_t axis = 0;
  double at = 0;
  int residual = -1;
  double factor = 1;
};

std::optional<Side> given_side(System& system, int solution, std::size_t axis, double at) {
  for (const Condition& condition : system.conditions) {
    bool here = condition.held[axis] == at;
    for (std::size_t other = 0; other < system.axes.size(); ++other)
      here = here && (other == axis || !condition.held[other]);
    const double factor = here ? value_factor(system, solution, condition) : 0;
    if (factor != 0) return Side{axis, at, condition.residual, factor};
  }
  return std::nullopt;
}

// Places along an axis, and what each counts in an integral. The ends have no weight: they are there for the
// suprema.
struct Places {
  std::vector<double> at{}, weights{};
};

Places places_between(double low, double high, int count) {
  const math::GaussRule rule = math::gauss_legendre(count);
  Places places{{low}, {0}};
  for (std::size_t i = 0; i < rule.points.size(); ++i) {
    places.at.push_back(low + (high - low) * (1 + rule.points[i]) / 2);
    places.weights.push_back((high - low) / 2 * rule.weights[i]);
  }
  places.at.push_back(high);
  places.weights.push_back(0);
  return places;
}

// Points with every combination of places along the axes, and the products of their weights.
struct Product {
  std::size_t axes = 0;
  std::vector<double> points{}, weights{1};

  std::span<const double> row(std::size_t number) const {
    return std::span(points).subspan(number * axes, axes);
  }
  void extend(const Places& places) {
    std::vector<double> longer, products;
    for (std::size_t r = 0; r < weights.size(); ++r) {
      for (std::size_t i = 0; i < places.at.size(); ++i) {
        const auto before = row(r);
        longer.insert(longer.end(), before.begin(), before.end());
        longer.push_back(places.at[i]);
        products.push_back(weights[r] * places.weights[i]);
      }
    }
    points = std::move(longer);
    weights = std::move(products);
    ++axes;
  }
};

// Suprema and norms over products of places, for every place of one axis or all together.
class Samples {
 public:
  Samples(const System& system, const nets::JetNetwork& network, std::span<const double> parameters,
          int count)
      : system_(system), network_(network), parameters_(parameters) {
    for (std::size_t axis = 0; axis < system.axes.size(); ++axis)
      axes_.push_back(places_between(system.domain->low[axis], system.domain->high[axis], count));
  }

  const Places& along(std::size_t axis) const { return axes_[axis]; }

  struct Size {
    double supremum = 0, norm = 0;
  };
  /// Of residual / scale where `axis` is at a place; over the whole box without an axis.
  Size of(int residual, double scale, std::optional<std::size_t> axis, double at) const {
    const Product product = places(axis, at);
    return size_of(product, values(residual, parameters_, product), scale);
  }
  /// Of what a node differs by from that of other parameters, where `axis` is at a place.
  Size change(int node, std::span<const double> others, std::size_t axis, double at) const {
    const Product product = places(axis, at);
    std::vector<double> here = values(node, parameters_, product);
    const std::vector<double> there = values(node, others, product);
    std::ranges::transform(here, there, here.begin(), std::minus());
    return size_of(product, here, 1);
  }

 private:
  Product places(std::optional<std::size_t> axis, double at) const {
    Product product;
    for (std::size_t a = 0; a < axes_.size(); ++a) product.extend(axis == a ? Places{{at}, {1}} : axes_[a]);
    return product;
  }
  std::vector<double> values(int node, std::span<const double> parameters, const Product& product) const {
    const Residual<double> measured(system_, {node}, network_);
    Residual<double>::Workspace workspace;
    std::vector<double> found(product.weights.size());
    measured.values(parameters, product.points.data(), static_cast<std::ptrdiff_t>(found.size()), workspace,
                    found.data());
    return found;
  }
  static Size size_of(const Product& product, std::span<const double> values, double scale) {
    Size size;
    double squares = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = values[i] / scale;
      if (!std::isfinite(value)) {
        throw Error(ErrorKind::usage,
                    fmt::format("certificate: a residual is not finite at ({}); remove what divides by 0",
                                fmt::join(product.row(i), ", ")));
      }
      size.supremum = std::max(size.supremum, std::abs(value));
      squares += product.weights[i] * value * value;
    }
    size.norm = std::sqrt(squares);
    return size;
  }

  const System& system_;
  const nets::JetNetwork& network_;
  std::span<const double> parameters_;
  std::vector<Places> axes_;
};

struct CertificateSetting {
  LinearOperator by;
  int solution = -1;
  std::vector<Side> sides{};
  std::optional<Side> start{};
  std::optional<std::size_t> time{};
};

double length(const System& system, std::size_t axis) {
  return system.domain->high[axis] - system.domain->low[axis];
}

void set_constants(const System& system, const CertificateSetting& setting, Certificate& out) {
  const LinearOperator& by = setting.by;
  out.eigenvalue = by.reaction;
  out.barrier = by.reaction > 0 ? 1 / by.reaction : std::numeric_limits<double>::infinity();
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    const double extent = length(system, axis), drift = std::abs(by.advection[axis]);
    if (setting.time == axis) {
      out.barrier = std::min(out.barrier, extent);
      continue;
    }
    out.eigenvalue += by.diffusion[axis] * std::pow(std::numbers::pi / extent, 2);
    out.barrier =
        std::min(out.barrier, drift > 0 ? extent / drift : extent * extent / (8 * by.diffusion[axis]));
  }
}

// What a solution may be off by at a time: over all places of space, and in the norm.
struct ErrorBound {
  double supremum = 0, norm = 0;
};

double residual_after(const Samples& samples, const CertificateSetting& setting, const System& system,
                      double eigenvalue) {
  const Side& start = *setting.start;
  const double end = system.domain->high[start.axis];
  const Places& times = samples.along(start.axis);
  double sum = 0;
  for (std::size_t i = 0; i < times.at.size(); ++i) {
    if (times.weights[i] == 0) continue;
    const double decay = std::exp(-eigenvalue * (end - times.at[i]));
    sum += times.weights[i] * decay *
           samples.of(system.equations[0].residual, setting.by.scale, start.axis, times.at[i]).norm;
  }
  return sum;
}

// Adds a window of time, or the whole of it, to a certificate: its sides and its residual, and how an error
// at its first time goes on. Returns what the error is at most at its last.
ErrorBound extend(Certificate& out, const System& system, const CertificateSetting& setting,
                  const Samples& samples, const ErrorBound& first) {
  set_constants(system, setting, out);
  double volume = 1;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis)
    volume *= setting.time == axis ? 1 : length(system, axis);
  for (const Side& side : setting.sides) {
    const auto size = samples.of(side.residual, side.factor, side.axis, side.at);
    out.side_supremum = std::max(out.side_supremum, size.supremum);
  }
  const auto [supremum, norm] = samples.of(system.equations[0].residual, setting.by.scale, std::nullopt, 0);
  out.residual_supremum = std::max(out.residual_supremum, supremum);
  const double sides = std::sqrt(volume) * out.side_supremum;
  ErrorBound last{.supremum = std::max(out.side_supremum, first.supremum) + out.barrier * supremum};
  if (setting.start) {
    const double decay = std::exp(-out.eigenvalue * length(system, setting.start->axis)),
                 added = residual_after(samples, setting, system, out.eigenvalue);
    out.residual_part = decay * out.residual_part + added;
    last.norm = decay * first.norm + added + sides;
  } else {
    out.residual_part = norm / out.eigenvalue;
    last.norm = out.residual_part + sides;
  }
  out.supremum = std::max(out.supremum, last.supremum);
  out.norm = last.norm;
  return last;
}

Certificate measure(const System& system, const CertificateSetting& setting, const nets::JetNetwork& network,
                    std::span<const double> parameters, int count, std::int64_t windows) {
  Certificate out;
  const std::size_t size = parameters.size() / static_cast<std::size_t>(windows);
  ErrorBound error;
  for (std::int64_t w = 0; w < windows; ++w) {
    const System window = within_window(system, windows, w);
    const auto own = [&](std::int64_t number) {
      return parameters.subspan(static_cast<std::size_t>(number) * size, size);
    };
    const Samples samples(window, network, own(w), count);
    if (setting.start && w == 0) {
      const Side& start = *setting.start;
      const auto at_first = samples.of(start.residual, start.factor, start.axis, start.at);
      error = {at_first.supremum, at_first.norm};
      out.start_supremum = error.supremum;
      out.start_norm = error.norm;
    } else if (w > 0) {
      const std::size_t t = setting.start->axis;
      const auto jump = samples.change(setting.solution, own(w - 1), t, window.domain->low[t]);
      error.supremum += jump.supremum;
      error.norm += jump.norm;
      out.jump_supremum = std::max(out.jump_supremum, jump.supremum);
    }
    error = extend(out, window, setting, samples, error);
  }
  return out;
}

// Why a system as a whole has no certificate, or nothing.
std::string refusal(const System& system) {
  if (system.equations.size() != 1)
    return fmt::format("{} equations; the estimates are for one", system.equations.size());
  if (!system.learned.empty()) return "coefficients are learned, and the estimates need them";
  if (!system.domain) return "there is no domain";
  if (!system.holes.empty()) return "the error on the edges of holes is not known";
  if (std::any_of(system.periodic.begin(), system.periodic.end(), [](bool p) { return p; }))
    return "an axis is periodic, and the estimates need values on all sides";
  return {};
}

}  // namespace

Certificate certify(const System& asked, int solution, const nets::JetNetwork& network,
                    std::span<const double> parameters, const CertificateSpec& spec) {
  if (spec.samples != 0 && (spec.samples < 8 || spec.samples > 2048))
    throw Error(ErrorKind::usage, fmt::format("samples: {}; expected 8 to 2048, or 0", spec.samples));
  if (spec.windows < 1 || parameters.size() % static_cast<std::size_t>(spec.windows) != 0)
    throw Error(ErrorKind::usage, fmt::format("windows: {} of {} parameters; expected as many of each",
                                              spec.windows, parameters.size()));
  if (std::string reason = refusal(asked); !reason.empty()) return {.refused = std::move(reason)};
  System system = asked;  // its graph grows by the derivatives of the solution
  CertificateSetting setting{.by = linear_operator(system, system.equations[0].residual, solution),
                             .solution = solution};
  if (!setting.by.refused.empty()) return {.refused = setting.by.refused};
  if (spec.windows > 1 && !setting.by.evolves)
    return {.refused = "the windows are of time, and the equation has no u_t"};
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    const bool time = system.axes[axis] == "t";
    if (time) setting.time = axis;
    for (const double at : {system.domain->low[axis], system.domain->high[axis]}) {
      if (time && at == system.domain->high[axis]) continue;
      const auto side = given_side(system, solution, axis, at);
      if (!side)
        return {.refused = fmt::format("no condition gives the solution on the whole side {} = {}",
                                       system.axes[axis], at)};
      if (time) setting.start = side;
      if (!time) setting.sides.push_back(*side);
    }
  }
  constexpr std::array defaults{512, 96, 32, 16};
  const int count = spec.samples != 0 ? spec.samples : defaults.at(system.axes.size() - 1);
  Certificate found = measure(system, setting, network, parameters, count, spec.windows);
  const Certificate half = measure(system, setting, network, parameters, count / 2, spec.windows);
  const auto change = [](double fine, double coarse) {
    return fine > 0 ? std::abs(fine - coarse) / fine : 0;
  };
  found.refinement = std::max(change(found.supremum, half.supremum), change(found.norm, half.norm));
  return found;
}

}  // namespace starling::pinn
