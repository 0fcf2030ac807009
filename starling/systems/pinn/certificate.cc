#include "starling/systems/pinn/certificate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <set>

#include "starling/base/error.h"
#include "starling/math/legendre.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

// The nodes that an equation may be linear in: u, u_i and u_ii, and the sum of u_ii over space.
struct Atoms {
  int value = -1;
  std::vector<int> first{}, second{};
  int laplacian = -1;
};

Atoms atoms_of(System& system, int solution) {
  Atoms atoms{.value = solution};
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    atoms.first.push_back(system.graph.derivative(solution, static_cast<int>(axis)));
    atoms.second.push_back(system.graph.derivative(atoms.first.back(), static_cast<int>(axis)));
  }
  const Node& node = system.graph.at(solution);
  if (node.op == Op::symbol) {
    const int unknown = system.graph.symbols()[static_cast<std::size_t>(node.a)].unknown;
    atoms.laplacian = system.graph.symbol({.unknown = unknown, .kind = Symbol::Kind::laplacian});
  }
  return atoms;
}

// Adds up the coefficients of the atoms of an expression; what is left reads coordinates alone.
class Reader {
 public:
  Reader(const System& system, const Atoms& atoms) : graph_(system.graph) {
    known_.insert(atoms.value);
    known_.insert(atoms.first.begin(), atoms.first.end());
    known_.insert(atoms.second.begin(), atoms.second.end());
    if (atoms.laplacian >= 0) known_.insert(atoms.laplacian);
  }

  /// False, with a reason, where the expression is not linear with constant coefficients.
  bool read(int node, double factor) {
    if (known_.contains(node)) {
      found_[node] += factor;
      return true;
    }
    if (reads_no_unknown(node)) return true;
    const Node& at = graph_.at(node);
    switch (at.op) {
      case Op::add:
        return read(at.a, factor) && read(at.b, factor);
      case Op::subtract:
        return read(at.a, factor) && read(at.b, -factor);
      case Op::negate:
        return read(at.a, -factor);
      case Op::multiply:
        if (graph_.is_constant(at.a)) return read(at.b, factor * graph_.at(at.a).value);
        if (graph_.is_constant(at.b)) return read(at.a, factor * graph_.at(at.b).value);
        break;
      case Op::divide:
        if (graph_.is_constant(at.b)) return read(at.a, factor / graph_.at(at.b).value);
        break;
      case Op::symbol:
        reason_ = "it reads a derivative other than u, its first and its unmixed second ones";
        return false;
      default:
        break;
    }
    reason_ = "it is not linear with constant coefficients";
    return false;
  }

  double at(int node) const {
    const auto found = found_.find(node);
    return found == found_.end() ? 0 : found->second;
  }
  const std::string& reason() const { return reason_; }

 private:
  bool reads_no_unknown(int node) const { return graph_.degree(node) == 0 && !graph_.reads_learned(node); }

  const Graph& graph_;
  std::set<int> known_;
  std::map<int, double> found_;
  std::string reason_;
};

LinearOperator refused(std::string reason) {
  return {.refused = std::move(reason)};
}

// What a condition multiplies the solution by, when it is a value of the solution; 0 otherwise.
double value_factor(const System& system, const Atoms& atoms, const Condition& condition) {
  Reader reader(system, atoms);
  if (!condition.where.empty() || !reader.read(condition.residual, 1)) return 0;
  for (std::size_t axis = 0; axis < atoms.first.size(); ++axis) {
    if (reader.at(atoms.first[axis]) != 0 || reader.at(atoms.second[axis]) != 0) return 0;
  }
  return atoms.laplacian >= 0 && reader.at(atoms.laplacian) != 0 ? 0 : reader.at(atoms.value);
}

// A side of the box, and the condition that gives the solution there.
struct Side {
  std::size_t axis = 0;
  double at = 0;
  int residual = -1;
  double factor = 1;
};

std::optional<Side> given_side(const System& system, const Atoms& atoms, std::size_t axis, double at) {
  for (const Condition& condition : system.conditions) {
    bool here = condition.held[axis] == at;
    for (std::size_t other = 0; other < system.axes.size(); ++other)
      here = here && (other == axis || !condition.held[other]);
    const double factor = here ? value_factor(system, atoms, condition) : 0;
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
    Product product;
    for (std::size_t a = 0; a < axes_.size(); ++a) product.extend(axis == a ? Places{{at}, {1}} : axes_[a]);
    const Residual<double> measured(system_, {residual}, network_);
    Residual<double>::Workspace workspace;
    std::vector<double> values(product.weights.size());
    measured.values(parameters_, product.points.data(), static_cast<std::ptrdiff_t>(values.size()), workspace,
                    values.data());
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

 private:
  const System& system_;
  const nets::JetNetwork& network_;
  std::span<const double> parameters_;
  std::vector<Places> axes_;
};

struct CertificateSetting {
  LinearOperator by;
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

Certificate measure(const System& system, const CertificateSetting& setting, const Samples& samples) {
  Certificate out;
  set_constants(system, setting, out);
  const int residual = system.equations[0].residual;
  double volume = 1;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis)
    volume *= setting.time == axis ? 1 : length(system, axis);
  for (const Side& side : setting.sides) {
    const auto size = samples.of(side.residual, side.factor, side.axis, side.at);
    out.side_supremum = std::max(out.side_supremum, size.supremum);
  }
  const auto [supremum, norm] = samples.of(residual, setting.by.scale, std::nullopt, 0);
  out.residual_supremum = supremum;
  out.residual_part = norm / out.eigenvalue;
  if (setting.start) {
    const Side& start = *setting.start;
    const auto size = samples.of(start.residual, start.factor, start.axis, start.at);
    out.start_supremum = size.supremum;
    const double span = length(system, start.axis), end = system.domain->high[start.axis];
    out.start_norm = size.norm;
    out.norm = std::exp(-out.eigenvalue * span) * size.norm;
    out.residual_part = 0;
    const Places& times = samples.along(start.axis);
    for (std::size_t i = 0; i < times.at.size(); ++i) {
      if (times.weights[i] == 0) continue;
      const double decay = std::exp(-out.eigenvalue * (end - times.at[i]));
      out.residual_part +=
          times.weights[i] * decay * samples.of(residual, setting.by.scale, start.axis, times.at[i]).norm;
    }
  }
  out.norm += out.residual_part + std::sqrt(volume) * out.side_supremum;
  out.supremum = std::max(out.side_supremum, out.start_supremum) + out.barrier * out.residual_supremum;
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

LinearOperator linear_operator(System& system, int residual, int solution) {
  if (system.graph.degree(solution) == 0)
    throw Error(ErrorKind::usage, "certificate: the solution reads no unknown of the network");
  const Atoms atoms = atoms_of(system, solution);
  Reader reader(system, atoms);
  if (!reader.read(residual, 1)) return refused("the equation: " + reader.reason());
  LinearOperator by{.reaction = reader.at(atoms.value)};
  const double space = atoms.laplacian >= 0 ? reader.at(atoms.laplacian) : 0;
  double rate = 0;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    const bool time = system.axes[axis] == "t";
    const double first = reader.at(atoms.first[axis]), second = reader.at(atoms.second[axis]);
    if (time && second != 0) return refused("the equation: it has a second derivative in time");
    if (time) rate = first;
    by.advection.push_back(time ? 0 : first);
    by.diffusion.push_back(time ? 0 : -(second + space));
  }
  const auto leading =
      std::find_if(by.diffusion.begin(), by.diffusion.end(), [](double k) { return k != 0; });
  if (leading == by.diffusion.end()) return refused("the equation: it has no second derivative in space");
  by.evolves = rate != 0;
  const bool has_time = std::find(system.axes.begin(), system.axes.end(), "t") != system.axes.end();
  if (has_time && !by.evolves) return refused("the equation: it reads t, but no u_t");
  by.scale = by.evolves ? rate : *leading > 0 ? 1 : -1;
  by.reaction /= by.scale;
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    by.diffusion[axis] /= by.scale;
    by.advection[axis] /= by.scale;
    if (system.axes[axis] != "t" && !(by.diffusion[axis] > 0))
      return refused(fmt::format("the equation: it does not diffuse along {}", system.axes[axis]));
  }
  if (by.reaction < 0)
    return refused("the equation: its term in u makes it grow, and the estimates need decay");
  return by;
}

Certificate certify(const System& asked, int solution, const nets::JetNetwork& network,
                    std::span<const double> parameters, const CertificateSpec& spec) {
  if (spec.samples != 0 && (spec.samples < 8 || spec.samples > 2048))
    throw Error(ErrorKind::usage, fmt::format("samples: {}; expected 8 to 2048, or 0", spec.samples));
  if (std::string reason = refusal(asked); !reason.empty()) return {.refused = std::move(reason)};
  System system = asked;  // its graph grows by the derivatives of the solution
  CertificateSetting setting{.by = linear_operator(system, system.equations[0].residual, solution)};
  if (!setting.by.refused.empty()) return {.refused = setting.by.refused};
  const Atoms atoms = atoms_of(system, solution);
  for (std::size_t axis = 0; axis < system.axes.size(); ++axis) {
    const bool time = system.axes[axis] == "t";
    if (time) setting.time = axis;
    for (const double at : {system.domain->low[axis], system.domain->high[axis]}) {
      if (time && at == system.domain->high[axis]) continue;
      const auto side = given_side(system, atoms, axis, at);
      if (!side)
        return {.refused = fmt::format("no condition gives the solution on the whole side {} = {}",
                                       system.axes[axis], at)};
      if (time) setting.start = side;
      if (!time) setting.sides.push_back(*side);
    }
  }
  constexpr std::array defaults{512, 96, 32, 16};
  const int count = spec.samples != 0 ? spec.samples : defaults.at(system.axes.size() - 1);
  Certificate found = measure(system, setting, Samples(system, network, parameters, count));
  const Certificate half = measure(system, setting, Samples(system, network, parameters, count / 2));
  const auto change = [](double fine, double coarse) {
    return fine > 0 ? std::abs(fine - coarse) / fine : 0;
  };
  found.refinement = std::max(change(found.supremum, half.supremum), change(found.norm, half.norm));
  return found;
}

}  // namespace starling::pinn
