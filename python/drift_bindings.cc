#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string>
#include <vector>

#include "arrays.h"
#include "starling/systems/drift/field.h"
#include "starling/systems/drift/observables.h"
#include "starling/systems/drift/particle_flow.h"
#include "starling/systems/drift/release.h"

namespace starling::python {
namespace {

using namespace nb::literals;

drift::FieldSpec field_spec(const std::string& field, const std::string& kernel, double scale,
                            bool self_interaction) {
  return {.field = drift::parse_field(field),
          .kernel = drift::parse_kernel(kernel),
          .scale = scale,
          .self_interaction = self_interaction};
}

Array numpy(const std::vector<double>& values) {
  return python::numpy(values.data(), {values.size()});
}

nb::tuple release_loss(const Table& x, const Table& y, const std::vector<double>& temperatures,
                       const Table& negatives, const Column& weights) {
  drift::ReleaseSpec spec;
  spec.temperatures = temperatures;
  const auto result = unlocked([&] {
    const base::Vector<double> w =
        Eigen::Map<const base::Vector<double>>(weights.data(), static_cast<base::Index>(weights.shape(0)));
    return drift::release_drift<double>(spec, points(x), points(y), points(negatives), w);
  });
  return nb::make_tuple(result.loss, python::numpy(result.drift), result.scale);
}

nb::dict decompose(const Table& z, const Table& x, const Table& y, double tau) {
  const auto result = unlocked([&] { return drift::decompose(points(z), points(x), points(y), tau); });
  nb::dict out;
  out["a_p"] = python::numpy(result.a_p);
  out["a_q"] = python::numpy(result.a_q);
  out["sharp"] = python::numpy(result.sharp);
  out["residual"] = python::numpy(result.residual);
  return out;
}

nb::dict diagnostics(const Table& x, const Table& y, double h) {
  const auto result = unlocked([&] { return drift::diagnostics(points(x), points(y), h); });
  nb::dict out;
  out["stein_drift"] = result.stein_drift;
  out["self_term"] = result.self_term;
  out["centre_velocity"] = result.centre_velocity;
  out["smoothed_fisher"] = result.smoothed_fisher;
  out["occupancy"] = python::numpy(result.occupancy);
  out["mean_inverse_occupancy"] = result.mean_inverse_occupancy;
  return out;
}

Array flow(const Table& x, const Table& y, const std::vector<double>& times, const std::string& field,
           const std::string& kernel, double scale, bool self_interaction, double rtol, double atol) {
  const drift::FieldSpec spec = field_spec(field, kernel, scale, self_interaction);
  flows::OdeOptions options;
  options.rtol = rtol;
  options.atol = atol;
  const std::vector<double> states = unlocked([&] {
    std::vector<double> all;
    all.reserve(times.size() * x.size());
    for (const auto& cloud : drift::particle_flow(spec, points(x), points(y), times, options)) {
      all.insert(all.end(), cloud.data(), cloud.data() + cloud.size());
    }
    return all;
  });
  return python::numpy(states.data(), {times.size(), x.shape(0), x.shape(1)});
}

template <class T>
void bind_velocity(nb::module_& module) {
  module.def(
      "velocity",
      [](const TableOf<T>& x, const TableOf<T>& y, const std::string& field, const std::string& kernel,
         double scale, bool self_interaction) {
        const drift::FieldSpec spec = field_spec(field, kernel, scale, self_interaction);
        return python::numpy(unlocked([&] { return drift::velocity<T>(spec, points(x), points(y)); }));
      },
      "x"_a.noconvert(), "y"_a.noconvert(), "field"_a, "kernel"_a, "scale"_a, "self_interaction"_a);
}

}  // namespace

void bind_drift(nb::module_& module) {
  bind_velocity<float>(module);
  bind_velocity<double>(module);
  module.def(
      "velocity_at",
      [](const Table& z, const Table& x, const Table& y, const std::string& field, const std::string& kernel,
         double scale) {
        const drift::FieldSpec spec = field_spec(field, kernel, scale, true);
        return python::numpy(
            unlocked([&] { return drift::velocity_at(spec, points(z), points(x), points(y)); }));
      },
      "z"_a, "x"_a, "y"_a, "field"_a, "kernel"_a, "scale"_a);
  module.def(
      "divergence_at",
      [](const Table& z, const Table& x, const Table& y, const std::string& field, const std::string& kernel,
         double scale) {
        const drift::FieldSpec spec = field_spec(field, kernel, scale, true);
        return python::numpy(
            unlocked([&] { return drift::divergence_at(spec, points(z), points(x), points(y)); }));
      },
      "z"_a, "x"_a, "y"_a, "field"_a, "kernel"_a, "scale"_a);
  module.def("release_loss", release_loss, "x"_a, "y"_a, "temperatures"_a, "negatives"_a, "weights"_a);
  module.def("decompose", decompose, "z"_a, "x"_a, "y"_a, "tau"_a);
  module.def("diagnostics", diagnostics, "x"_a, "y"_a, "h"_a);
  module.def("flow", flow, "x"_a, "y"_a, "times"_a, "field"_a, "kernel"_a, "scale"_a, "self_interaction"_a,
             "rtol"_a, "atol"_a);
  module.def(
      "entropy_balance",
      [](const Table& x, const Table& y, double h, const std::vector<double>& times) {
        const auto result = unlocked([&] { return drift::entropy_balance(points(x), points(y), h, times); });
        nb::dict out;
        out["change"] = numpy(result.change);
        out["integral"] = numpy(result.integral);
        return out;
      },
      "x"_a, "y"_a, "h"_a, "times"_a);
  module.def("gaussian_variance", drift::gaussian_variance, "u0"_a, "u_target"_a, "h2"_a, "t"_a);
}

}  // namespace starling::python
