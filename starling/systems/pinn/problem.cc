#include "starling/systems/pinn/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>

#include "starling/base/error.h"
#include "starling/data/table_file.h"
#include "starling/systems/pinn/loss.h"
#include "starling/systems/pinn/phases.h"
#include "starling/systems/pinn/points.h"
#include "starling/systems/pinn/references.h"
#include "starling/systems/pinn/windows.h"

namespace starling::pinn {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::int64_t reference_grid = 101;

std::vector<Definition> quantities_of(System& system) {
  std::vector<Definition> out;
  for (const Definition& definition : system.definitions) {
    if (system.graph.degree(definition.node) != 0) out.push_back(definition);
  }
  for (std::size_t k = 0; k < system.unknowns.size(); ++k) {
    Symbol symbol;
    symbol.unknown = static_cast<int>(k);
    out.push_back({system.unknowns[k], system.graph.symbol(symbol)});
  }
  return out;
}

nets::JetNetwork network_of(const SolveSpec& spec, const System& system) {
  nets::JetNetwork network{.widths = {},
                           .activation = spec.activation,
                           .features = periodic_features(system, static_cast<int>(spec.waves))};
  const std::size_t inputs = network.features.empty() ? system.axes.size() : network.features.size();
  network.widths.push_back(static_cast<std::ptrdiff_t>(inputs));
  for (std::int64_t l = 0; l < spec.layers; ++l) network.widths.push_back(spec.width);
  network.widths.push_back(static_cast<std::ptrdiff_t>(system.unknowns.size()));
  return network;
}

// Of four axes a grid would have a hundred million points.
std::int64_t grid_of(std::size_t axes) {
  constexpr std::array<std::int64_t, 4> per_axis = {1001, reference_grid, 31, 15};
  return per_axis[axes - 1];
}

template <class Formula>
std::vector<double> each(const std::vector<double>& x, const std::vector<double>& y, const Formula& formula) {
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = formula(x[i], y[i]);
  return out;
}

// The system with other values of its parameters.
System stage_of(const std::string& equation, const System& last, const Coefficients& values) {
  std::string named;
  for (const auto& [name, value] : values) {
    std::vector<std::string> known;
    for (const auto& [parameter, of_text] : last.parameters) known.push_back(parameter);
    if (std::ranges::find(known, name) == known.end())
      throw Error(ErrorKind::usage, fmt::format("train.curriculum: no param '{}' in the equation{}", name,
                                                known.empty() ? "; expected param " + name + " = ..."
                                                              : base::suggestion(name, known)));
    named += fmt::format("{}{} = {}", named.empty() ? "" : ", ", name, value);
  }
  System system = parse_system(
      equation,
      {.source = fmt::format("train.curriculum, {}: problem.equation", named), .parameters = values});
  if (system.domain->low != last.domain->low || system.domain->high != last.domain->high)
    throw Error(
        ErrorKind::usage,
        fmt::format("train.curriculum: the domain depends on {}; expected params of the equations", named));
  return system;
}

}  // namespace

Problem::Problem(const SolveSpec& spec) : kind_(spec.problem.reference), windows_(spec.solver.windows) {
  if (spec.problem.equation.empty())
    throw Error(ErrorKind::usage, "problem.equation is empty; expected statements such as u_t = u_xx");
  system_ = parse_system(spec.problem.equation, {.source = "problem.equation"});
  if (!system_.domain)
    throw Error(ErrorKind::usage,
                "problem.equation: no domain; expected for example domain x = 0..1, t = 0..1");
  for (const Coefficients& values : stages_of(spec.solver)) {
    if (!values.empty()) earlier_.push_back(stage_of(spec.problem.equation, system_, values));
  }
  quantities_ = quantities_of(system_);
  network_ = network_of(spec, system_);
  if (!spec.problem.data.empty()) data_ = read(spec.problem.data, "problem.data");
  if (!system_.learned.empty() && data_.points.empty())
    throw Error(ErrorKind::usage,
                fmt::format("problem.data is empty, but '{}' is to be learned; expected a file of "
                            "measurements",
                            system_.learned.front().name));
  carried_ = carried_nodes(system_, windows_, !data_.points.empty());
  if (reference_is_table()) {
    Measurements table = read(spec.problem.table, "problem.table");
    reference_points_ = std::move(table.points);
    reference_.resize(quantities_.size());
    for (std::size_t k = 0; k < table.values.size(); ++k) reference_[k] = std::move(table.values[k]);
    return;
  }
  reference_points_ = grid_points(system_, grid_of(system_.axes.size()));
  reference_ = reference(reference_points_);
}

bool Problem::has_reference() const {
  return std::any_of(reference_.begin(), reference_.end(),
                     [](const auto& values) { return values.has_value(); });
}

Measurements Problem::read(const std::string& path, const char* key) const {
  if (path.empty()) throw Error(ErrorKind::usage, fmt::format("{} is empty; expected a file", key));
  const auto table = data::read_table(path);
  const auto axes = static_cast<base::Index>(system_.axes.size());
  const base::Index values = table.cols() - axes;
  if (values < 1 || values > static_cast<base::Index>(quantities_.size())) {
    std::vector<std::string> names = system_.axes;
    for (const Definition& quantity : quantities_) names.push_back(quantity.name);
    throw Error(ErrorKind::input, fmt::format("{}: {} columns; expected {}, or the first of them", path,
                                              table.cols(), fmt::join(names, ", ")));
  }
  Measurements out;
  out.values.resize(static_cast<std::size_t>(values));
  for (base::Index i = 0; i < table.rows(); ++i) {
    for (base::Index j = 0; j < table.cols(); ++j) {
      auto& to = j < axes ? out.points : out.values[static_cast<std::size_t>(j - axes)];
      to.push_back(table(i, j));
    }
  }
  return out;
}

std::vector<double> Problem::column(std::span<const double> points, const std::string& axis) const {
  const auto found = std::find(system_.axes.begin(), system_.axes.end(), axis);
  if (found == system_.axes.end() || system_.axes.size() != 2)
    throw Error(ErrorKind::usage,
                fmt::format("problem.reference: its axes include {}, and are two; those of the equation "
                            "are {}",
                            axis, fmt::join(system_.axes, ", ")));
  const auto a = static_cast<std::size_t>(found - system_.axes.begin());
  std::vector<double> out;
  for (std::size_t i = a; i < points.size(); i += system_.axes.size()) out.push_back(points[i]);
  return out;
}

std::vector<std::optional<std::vector<double>>> Problem::reference(std::span<const double> points) const {
  std::vector<std::optional<std::vector<double>>> out(quantities_.size());
  const auto named = [&](const std::string& name) -> std::optional<std::vector<double>>& {
    const auto found = std::ranges::find(quantities_, name, &Definition::name);
    if (found == quantities_.end())
      throw Error(ErrorKind::usage, fmt::format("problem.reference: no unknown '{}' in the equation", name));
    return out[static_cast<std::size_t>(found - quantities_.begin())];
  };
  const auto parameter = [&](const char* name) {
    const auto found = system_.parameters.find(name);
    if (found == system_.parameters.end())
      throw Error(
          ErrorKind::usage,
          fmt::format("problem.reference: the equation has no param {0}; expected param {0} = ...", name));
    return found->second;
  };
  const auto along = [&](const char* axis) { return column(points, axis); };
  switch (kind_) {
    case ReferenceKind::exact:
      for (const Definition& exact : system_.exact)
        named(exact.name) = evaluate(system_, {exact.node}, points);
      break;
    case ReferenceKind::burgers:
      out[0] = burgers_reference(along("x"), along("t"), parameter("nu"));
      break;
    case ReferenceKind::allen_cahn:
      out[0] = spectral_reference(SpectralEquation::allen_cahn, along("x"), along("t"));
      break;
    case ReferenceKind::kuramoto_sivashinsky:
      out[0] = spectral_reference(SpectralEquation::kuramoto_sivashinsky, along("x"), along("t"));
      break;
    case ReferenceKind::zabusky_kruskal:
      out[0] = spectral_reference(SpectralEquation::zabusky_kruskal, along("x"), along("t"));
      break;
    case ReferenceKind::soliton:
      out[0] = each(along("x"), along("t"), kdv_soliton);
      break;
    case ReferenceKind::two_solitons:
      out[0] = each(along("x"), along("t"), kdv_two_solitons);
      break;
    case ReferenceKind::kovasznay:
      for (std::size_t k = 0; k < 3; ++k) {
        constexpr std::array<const char*, 3> names = {"u", "v", "p"};
        const double reynolds = parameter("re");
        named(names[k]) =
            each(along("x"), along("y"), [&](double x, double y) { return kovasznay(x, y, reynolds)[k]; });
      }
      break;
    case ReferenceKind::schroedinger:
      named("u") =
          each(along("x"), along("t"), [](double x, double t) { return schroedinger_breather(x, t).real(); });
      named("v") =
          each(along("x"), along("t"), [](double x, double t) { return schroedinger_breather(x, t).imag(); });
      break;
    case ReferenceKind::table:
      break;
  }
  return out;
}

}  // namespace starling::pinn
