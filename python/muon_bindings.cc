#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "starling/base/error.h"
#include "starling/math/minimax_polynomial.h"
#include "starling/systems/muon/flow.h"
#include "starling/systems/muon/moe_objective.h"

namespace starling::python {
namespace {

using namespace nb::literals;

muon::Integrator parse_integrator(const std::string& name) {
  static const std::array<std::pair<const char*, muon::Integrator>, 6> names = {
      {{"reference", muon::Integrator::reference},
       {"muon", muon::Integrator::muon},
       {"nesterov", muon::Integrator::nesterov},
       {"strang", muon::Integrator::strang},
       {"drift_kick_drift", muon::Integrator::drift_kick_drift},
       {"discrete_gradient", muon::Integrator::discrete_gradient}}};
  std::vector<std::string> known;
  for (const auto& [text, integrator] : names) {
    if (name == text) return integrator;
    known.emplace_back(text);
  }
  throw base::Error(base::ErrorKind::usage, "unknown method '" + name + "'" + base::suggestion(name, known));
}

// (w, p) as (T, N, size), and the four histories.
nb::dict dict_of(const muon::History& history, base::Index n, base::Index size) {
  const auto stacked = [&](auto member) {
    std::vector<double> all;
    for (const muon::State& state : history.states) {
      const muon::Cloud& cloud = state.*member;
      all.insert(all.end(), cloud.data(), cloud.data() + cloud.size());
    }
    return numpy(all.data(),
                 {history.states.size(), static_cast<std::size_t>(n), static_cast<std::size_t>(size)});
  };
  const auto numbers = [](const std::vector<double>& values) {
    return numpy(values.data(), {values.size()});
  };
  nb::dict out;
  out["w"] = stacked(&muon::State::w);
  out["p"] = stacked(&muon::State::p);
  out["objective"] = numbers(history.objective);
  out["hamiltonian"] = numbers(history.hamiltonian);
  out["dissipation"] = numbers(history.dissipation);
  return out;
}

nb::dict follow(const muon::Objective& objective, const muon::Kinetic& kinetic, double gamma, const Table& w0,
                const Table& p0, const std::vector<double>& times, const std::string& method, double dt) {
  const muon::History history = unlocked([&] {
    const muon::Flow flow{objective, kinetic, gamma};
    return muon::follow(flow, {points(w0), points(p0)}, times,
                        {.integrator = parse_integrator(method), .dt = dt});
  });
  return dict_of(history, static_cast<base::Index>(w0.shape(0)), static_cast<base::Index>(w0.shape(1)));
}

nb::dict mean_field_flow(const Table& features, const Column& targets, const Column& readout, const Table& w0,
                         const Table& p0, double epsilon, double gamma, const std::vector<double>& times,
                         const std::string& method, double dt, bool stacked) {
  const auto objective = muon::two_layer_objective(points(features), vector(targets), vector(readout));
  const muon::Kinetic kinetic(objective->blocks(), {epsilon},
                              stacked ? muon::Reading::stacked : muon::Reading::particles);
  return follow(*objective, kinetic, gamma, w0, p0, times, method, dt);
}

nb::dict moe_flow(const Table& x, const Table& y, base::Index head, base::Index hidden, const Table& w0,
                  const Table& p0, const std::vector<double>& epsilons, double gamma,
                  const std::vector<double>& times, const std::string& method, double dt) {
  const auto objective = muon::moe_objective(
      points(x), points(y), {.width = static_cast<base::Index>(x.shape(1)), .head = head, .hidden = hidden});
  return follow(*objective, muon::Kinetic(objective->blocks(), epsilons), gamma, w0, p0, times, method, dt);
}

double potential(const Table& m, double epsilon) {
  return math::SpectralMap(epsilon).potential(points(m));
}
double dual_potential(const Table& y, double epsilon) {
  return math::SpectralMap(epsilon).dual_potential(points(y));
}
Array derivative(const Table& m, const Table& h, double epsilon) {
  return numpy(base::Points<double>(math::SpectralMap(epsilon).derivative(points(m), points(h))));
}

nb::tuple minimax_coefficients(double lower, int steps) {
  const math::MinimaxSchedule schedule = math::minimax_schedule(lower, steps);
  std::vector<double> flat;
  for (const math::OddQuintic& p : schedule.steps) flat.insert(flat.end(), {p.a, p.b, p.c});
  return nb::make_tuple(numpy(flat.data(), {schedule.steps.size(), 3}), schedule.error);
}

}  // namespace

void bind_muon(nb::module_& module) {
  module.def("muon_flow", mean_field_flow, "features"_a, "targets"_a, "readout"_a, "w0"_a, "p0"_a,
             "epsilon"_a, "gamma"_a, "times"_a, "method"_a, "dt"_a, "stacked"_a);
  module.def("muon_moe_flow", moe_flow, "x"_a, "y"_a, "head"_a, "hidden"_a, "w0"_a, "p0"_a, "epsilons"_a,
             "gamma"_a, "times"_a, "method"_a, "dt"_a);
  module.def("muon_potential", potential, "m"_a, "epsilon"_a);
  module.def("muon_dual_potential", dual_potential, "y"_a, "epsilon"_a);
  module.def("muon_derivative", derivative, "m"_a, "h"_a, "epsilon"_a);
  module.def("muon_minimax_coefficients", minimax_coefficients, "lower"_a, "steps"_a);
}

}  // namespace starling::python
