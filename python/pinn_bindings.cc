#include <nanobind/stl/complex.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cmath>
#include <complex>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "starling/base/error.h"
#include "starling/math/legendre.h"
#include "starling/systems/pinn/bound.h"
#include "starling/systems/pinn/certificate.h"
#include "starling/systems/pinn/rectangles.h"
#include "starling/systems/pinn/references.h"
#include "starling/systems/pinn/residual.h"
#include "starling/systems/pinn/variational.h"

namespace starling::python {
namespace {

using namespace nb::literals;

using Widths = std::vector<std::ptrdiff_t>;
using Parameters = std::map<std::string, double>;

nets::JetNetwork network_of(const Widths& widths, const std::string& activation) {
  return {widths, nets::parse_jet_activation(activation)};
}

std::span<const double> span_of(const Column& numbers) {
  return {numbers.data(), numbers.shape(0)};
}

// (derivatives, n): each is an output and how often it is differentiated along every axis.
Array jets(const Widths& widths, const Column& parameters, const Table& points,
           const std::vector<std::pair<int, std::vector<int>>>& derivatives, const std::string& activation) {
  const auto n = static_cast<std::ptrdiff_t>(points.shape(0));
  base::Points<double> out(static_cast<base::Index>(derivatives.size()), n);
  unlocked([&] {
    nets::Streams streams(static_cast<int>(points.shape(1)));
    std::vector<std::pair<int, std::ptrdiff_t>> rows;
    for (const auto& [output, times] : derivatives) {
      nets::MultiIndex index{};
      for (std::size_t a = 0; a < times.size() && a < index.size(); ++a)
        index[a] = static_cast<std::uint8_t>(times[a]);
      rows.emplace_back(streams.derivative(index), output);
    }
    const nets::Jets<double> all(network_of(widths, activation), streams);
    nets::Jets<double>::Workspace workspace;
    all.forward(span_of(parameters), points.data(), n, workspace, [&](const nets::JetTile<double>& tile) {
      for (std::size_t r = 0; r < rows.size(); ++r) {
        std::copy_n(tile.stream(rows[r].first, rows[r].second), tile.count,
                    out.data() + static_cast<std::ptrdiff_t>(r) * n + tile.begin);
      }
    });
  });
  return numpy(out);
}

// What a system over a network is made from.
struct Question {
  std::string equation;
  std::vector<std::string> axes;
  Parameters given;
  Widths widths;
  std::string activation;

  bool operator==(const Question&) const = default;
};

// The system with its residual, and learned coefficients at their starts.
struct Problem {
  Question question;
  pinn::System system;
  pinn::Residual<double> residual;
  std::vector<double> learned;

  explicit Problem(const Question& asked)
      : question(asked),
        system(pinn::parse_system(asked.equation, {.axes = asked.axes, .parameters = asked.given})),
        residual(system, pinn::equation_roots(system), network_of(asked.widths, asked.activation)) {
    for (const pinn::Learned& coefficient : system.learned)
      learned.push_back(coefficient.positive ? std::log(coefficient.initial) : coefficient.initial);
  }

  std::vector<double> parameters(const Column& flat) const {
    std::vector<double> all(flat.data(), flat.data() + flat.shape(0));
    all.insert(all.end(), learned.begin(), learned.end());
    return all;
  }
};

// The one that was asked for last is kept: the steps of a training ask the same again and again, and reading
// the text takes as long as ten points.
const Problem& problem_of(const Question& asked) {
  static thread_local std::unique_ptr<Problem> last;
  if (!last || last->question != asked) last = std::make_unique<Problem>(asked);
  return *last;
}

Array residual(const std::string& equation, const std::vector<std::string>& axes, const Parameters& given,
               const Widths& widths, const Column& flat, const Table& points, const std::string& activation) {
  const auto n = static_cast<std::ptrdiff_t>(points.shape(0));
  const base::Points<double> out = unlocked([&] {
    const Problem& problem = problem_of({equation, axes, given, widths, activation});
    base::Points<double> values(problem.residual.roots(), n);
    pinn::Residual<double>::Workspace workspace;
    problem.residual.values(problem.parameters(flat), points.data(), n, workspace, values.data());
    return values;
  });
  return numpy(out);
}

nb::dict residual_gradient(const std::string& equation, const std::vector<std::string>& axes,
                           const Parameters& given, const Widths& widths, const Column& flat,
                           const Table& points, const std::string& activation) {
  const auto n = static_cast<std::ptrdiff_t>(points.shape(0));
  std::vector<double> gradient;
  std::vector<std::pair<std::string, double>> learned;
  double loss = 0;
  unlocked([&] {
    const Problem& problem = problem_of({equation, axes, given, widths, activation});
    const std::vector<double> parameters = problem.parameters(flat);
    gradient.resize(parameters.size());
    // Kept from call to call: fresh pages would cost more than the arithmetic at few points.
    static thread_local pinn::Residual<double>::Workspace workspace;
    loss = problem.residual.add_gradient(parameters, points.data(), n, nullptr, 1, workspace, gradient);
    const std::size_t own = flat.shape(0);
    for (std::size_t c = 0; c < problem.system.learned.size(); ++c) {
      const pinn::Learned& coefficient = problem.system.learned[c];
      const double chain = coefficient.positive ? coefficient.initial : 1;  // the parameter is its logarithm
      learned.emplace_back(coefficient.name, gradient[own + c] / chain);
    }
    gradient.resize(own);
  });
  nb::dict out, by_name;
  out["loss"] = loss;
  out["gradient"] = numpy(gradient.data(), {gradient.size()});
  for (const auto& [name, slope] : learned) by_name[name.c_str()] = slope;
  if (!learned.empty()) out["learned"] = by_name;
  return out;
}

nb::tuple legendre(int n) {
  const math::GaussRule rule = math::gauss_legendre(n);
  return nb::make_tuple(numpy(rule.points.data(), {rule.points.size()}),
                        numpy(rule.weights.data(), {rule.weights.size()}));
}

Array variational(const Widths& widths, const Column& flat, const Column& f, int tests, int quadrature,
                  const std::string& activation) {
  std::vector<double> out;
  unlocked([&] {
    pinn::System system = pinn::parse_system("u_x = 0", {.axes = {"x"}});
    const int zero = system.graph.constant(0);
    pinn::VariationalResidual tested(system, system.equations[0].residual, zero,
                                     network_of(widths, activation),
                                     {.tests = tests, .quadrature = quadrature});
    std::vector<double> source(f.data(), f.data() + f.shape(0));
    for (double& value : source) value = -value;
    tested.set_extra_source(std::move(source));
    out.resize(static_cast<std::size_t>(tested.count()));
    tested.values(span_of(flat), out);
  });
  return numpy(out.data(), {out.size()});
}

// -Δu = f on rectangles in the plane; f at the Gauss points, or none to be told where those are.
nb::object variational_plane(const Widths& widths, const Column& flat, const Table& elements,
                             const nb::object& f, int tests, int quadrature, const std::string& activation) {
  pinn::System system = pinn::parse_system("u_x; u_y", {.axes = {"x", "y"}});
  pinn::RectangleMesh mesh{.elements = {}, .tests = tests, .quadrature = quadrature};
  for (std::size_t e = 0; e < elements.shape(0); ++e) {
    const double* row = elements.data() + 4 * e;
    mesh.elements.push_back({row[0], row[1], row[2], row[3]});
  }
  const pinn::WeakForm form{system.equations[0].residual, system.equations[1].residual,
                            system.graph.constant(0)};
  pinn::RectangleResidual tested(system, form, network_of(widths, activation), mesh);
  if (f.is_none())
    return nb::cast(numpy(tested.points().data(), {tested.points().size() / 2, std::size_t{2}}));
  const auto given = nb::cast<Column>(f);
  std::vector<double> source(given.data(), given.data() + given.shape(0));
  for (double& value : source) value = -value;
  tested.set_extra_source(std::move(source));
  std::vector<double> out(static_cast<std::size_t>(tested.count()));
  unlocked([&] { tested.values(span_of(flat), out); });
  const auto each = static_cast<std::size_t>(tests);
  return nb::cast(numpy(out.data(), {mesh.elements.size(), each, each}));
}

Array numbers_of(const std::vector<double>& values) {
  return numpy(values.data(), {values.size()});
}

Array reference_burgers(const Column& x, const Column& t, double nu) {
  return numbers_of(unlocked([&] { return pinn::burgers_reference(span_of(x), span_of(t), nu); }));
}

Array reference_spectral(const std::string& name, const Column& x, const Column& t) {
  const std::map<std::string, pinn::SpectralEquation> table{
      {"allen_cahn", pinn::SpectralEquation::allen_cahn},
      {"ks", pinn::SpectralEquation::kuramoto_sivashinsky},
      {"kdv", pinn::SpectralEquation::zabusky_kruskal}};
  return numbers_of(
      unlocked([&] { return pinn::spectral_reference(table.at(name), span_of(x), span_of(t)); }));
}

Array reference_solitons(const Column& x, const Column& t, int solitons) {
  std::vector<double> values(x.shape(0));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = solitons == 1 ? pinn::kdv_soliton(x.data()[i], t.data()[i])
                              : pinn::kdv_two_solitons(x.data()[i], t.data()[i]);
  }
  return numbers_of(values);
}

Array reference_kovasznay(const Table& points, double reynolds) {
  base::Points<double> values(static_cast<base::Index>(points.shape(0)), 3);
  for (base::Index i = 0; i < values.rows(); ++i) {
    const auto flow = pinn::kovasznay(points.data()[2 * i], points.data()[2 * i + 1], reynolds);
    std::copy(flow.begin(), flow.end(), values.data() + 3 * i);
  }
  return numpy(values);
}

// (n, 2): real and imaginary parts.
Array reference_schroedinger(const Column& x, const Column& t) {
  base::Points<double> values(static_cast<base::Index>(x.shape(0)), 2);
  for (base::Index i = 0; i < values.rows(); ++i) {
    const std::complex<double> h = pinn::schroedinger_breather(x.data()[i], t.data()[i]);
    values(i, 0) = h.real();
    values(i, 1) = h.imag();
  }
  return numpy(values);
}

nb::dict dict_of(const pinn::LayerFactor& factor) {
  nb::dict out;
  out["inputs"] = factor.inputs;
  out["outputs"] = factor.outputs;
  out["rank"] = factor.rank;
  out["s"] = factor.s;
  out["singular_values"] = numbers_of(factor.singular_values);
  out["log_kappa"] = factor.log_kappa;
  out["kappa"] = std::exp(factor.log_kappa);
  out["note"] = factor.note;
  return out;
}

nb::dict dict_of(const pinn::System& system, const pinn::BoundTerm& term, std::size_t equation) {
  std::string name;
  for (const pinn::Symbol& symbol : term.factors)
    name += (name.empty() ? "" : "*") + pinn::symbol_name(system, symbol);
  nb::dict out;
  out["equation"] = equation;
  out["term"] = name;
  out["coefficient"] = term.coefficient;
  out["coefficient_assumed"] = term.assumed;
  out["value"] = term.value;
  return out;
}

nb::dict bound(const std::vector<Table>& weights, const std::string& equation,
               const std::vector<std::string>& axes, const Parameters& given, double s, double n,
               const std::vector<double>& norms) {
  pinn::System system = pinn::parse_system(equation, {.axes = axes, .parameters = given});
  std::vector<base::Points<double>> tables;
  for (const Table& weight : weights) tables.emplace_back(points(weight));
  nb::dict out;
  nb::list layers, terms;
  double logs = 0;
  for (const pinn::LayerFactor& factor : pinn::network_factors(tables, s)) {
    logs += factor.log_kappa;
    layers.append(dict_of(factor));
  }
  const auto dimension = static_cast<int>(system.axes.size());
  out["dimension"] = dimension;
  out["kernel_constant"] = std::sqrt(pinn::kernel_constant_squared(s, dimension));
  out["degree"] = system.degree() < 0 ? nb::object(nb::none()) : nb::object(nb::float_(system.degree()));
  out["order"] = system.order();
  out["layers"] = layers;
  out["log10_weight_factor"] = logs / std::log(10.0);
  double complexity = 0, linear = 0;
  for (std::size_t e = 0; e < system.equations.size() && !norms.empty(); ++e) {
    const auto each = pinn::residual_complexity(system, system.equations[e].residual, s, n, norms);
    complexity += each.value;
    linear += each.linear;
    for (const pinn::BoundTerm& term : each.terms) terms.append(dict_of(system, term, e));
  }
  out["terms"] = terms;
  out["complexity"] = norms.empty() ? nb::object(nb::none()) : nb::object(nb::float_(complexity));
  out["linear"] = norms.empty() ? nb::object(nb::none()) : nb::object(nb::float_(linear));
  out["golowich"] = pinn::golowich(tables, n);
  out["bartlett"] = pinn::bartlett(tables, n);
  return out;
}

// The node of an unknown or a definition; without a name the first definition that reads an unknown, or the
// first unknown.
int solution_node(pinn::System& system, const std::string& name) {
  for (const pinn::Definition& definition : system.definitions) {
    if (name.empty() ? system.graph.degree(definition.node) != 0 : definition.name == name)
      return definition.node;
  }
  for (std::size_t k = 0; k < system.unknowns.size(); ++k) {
    if (name.empty() || system.unknowns[k] == name)
      return system.graph.symbol({.unknown = static_cast<int>(k)});
  }
  throw base::Error(base::ErrorKind::usage,
                    "solution: " + name + "; expected an unknown or a name that the text defines");
}

nb::dict certificate(const std::string& equation, const std::vector<std::string>& axes,
                     const Parameters& given, const Widths& widths, const Column& flat,
                     const std::string& solution, int samples, const std::string& activation) {
  const auto found = unlocked([&] {
    const Problem& problem = problem_of({equation, axes, given, widths, activation});
    pinn::System system = problem.system;
    const int node = solution_node(system, solution);
    return pinn::certify(system, node, network_of(widths, activation), problem.parameters(flat),
                         {.samples = samples});
  });
  nb::dict out;
  out["refused"] =
      found.refused.empty() ? nb::object(nb::none()) : nb::object(nb::str(found.refused.c_str()));
  if (!found.refused.empty()) return out;
  out["supremum"] = found.supremum;
  out["norm"] = found.norm;
  out["eigenvalue"] = found.eigenvalue;
  out["barrier"] = found.barrier;
  out["residual_supremum"] = found.residual_supremum;
  out["residual_part"] = found.residual_part;
  out["side_supremum"] = found.side_supremum;
  out["start_supremum"] = found.start_supremum;
  out["start_norm"] = found.start_norm;
  out["refinement"] = found.refinement;
  return out;
}

double sobolev_norm(const Column& values, const std::vector<std::size_t>& shape,
                    const std::vector<double>& spacing, double s) {
  return unlocked([&] { return pinn::sobolev_norm(span_of(values), shape, spacing, s); });
}

}  // namespace

void bind_pinn(nb::module_& module) {
  module.def("pinn_jets", jets, "widths"_a, "parameters"_a, "points"_a, "derivatives"_a, "activation"_a);
  module.def("pinn_residual", residual, "equation"_a, "axes"_a, "given"_a, "widths"_a, "parameters"_a,
             "points"_a, "activation"_a);
  module.def("pinn_residual_gradient", residual_gradient, "equation"_a, "axes"_a, "given"_a, "widths"_a,
             "parameters"_a, "points"_a, "activation"_a);
  module.def("pinn_legendre", legendre, "n"_a);
  module.def("pinn_variational", variational, "widths"_a, "parameters"_a, "f"_a, "tests"_a, "quadrature"_a,
             "activation"_a);
  module.def("pinn_variational_plane", variational_plane, "widths"_a, "parameters"_a, "elements"_a,
             "f"_a.none(), "tests"_a, "quadrature"_a, "activation"_a);
  module.def("pinn_reference_burgers", reference_burgers, "x"_a, "t"_a, "nu"_a);
  module.def("pinn_reference_spectral", reference_spectral, "name"_a, "x"_a, "t"_a);
  module.def("pinn_reference_solitons", reference_solitons, "x"_a, "t"_a, "solitons"_a);
  module.def("pinn_reference_kovasznay", reference_kovasznay, "points"_a, "reynolds"_a);
  module.def("pinn_reference_schroedinger", reference_schroedinger, "x"_a, "t"_a);
  module.def("pinn_bound", bound, "weights"_a, "equation"_a, "axes"_a, "given"_a, "s"_a, "n"_a, "norms"_a);
  module.def("pinn_certificate", certificate, "equation"_a, "axes"_a, "given"_a, "widths"_a, "parameters"_a,
             "solution"_a, "samples"_a, "activation"_a);
  module.def("pinn_sobolev_norm", sobolev_norm, "values"_a, "shape"_a, "spacing"_a, "s"_a);
}

}  // namespace starling::python
