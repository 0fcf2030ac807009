#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "starling/systems/students/curvature.h"
#include "starling/systems/students/landscape.h"
#include "starling/systems/students/one_neuron.h"
#include "starling/systems/students/partitions.h"

namespace starling::python {
namespace {

using namespace nb::literals;
using students::Neurons;

Neurons neurons(const Table& w, const Column& a) {
  return {points(w), Eigen::Map<const base::Vector<double>>(a.data(), static_cast<base::Index>(a.shape(0)))};
}

students::Landscape landscape(const Table& v, const Column& b, const std::string& activation) {
  return {students::parse_activation(activation), neurons(v, b)};
}

double loss(const Table& w, const Column& a, const Table& v, const Column& b, const std::string& activation) {
  return unlocked([&] { return landscape(v, b, activation).mean_squared_error(neurons(w, a)); });
}

nb::tuple gradient(const Table& w, const Column& a, const Table& v, const Column& b,
                   const std::string& activation) {
  const Neurons result = unlocked([&] { return landscape(v, b, activation).gradient(neurons(w, a)); });
  return nb::make_tuple(numpy(result.w), numpy(result.a));
}

Array hessian(const Table& w, const Column& a, const Table& v, const Column& b,
              const std::string& activation) {
  return numpy(unlocked([&]() -> base::Points<double> {
    return students::Curvature(landscape(v, b, activation), neurons(w, a)).matrix();
  }));
}

nb::dict copy_average(const std::vector<base::Index>& groups, base::Index d, const std::string& activation) {
  const auto point =
      unlocked([&] { return students::copy_average(groups, d, students::parse_activation(activation)); });
  nb::dict out;
  out["w"] = numpy(point.student.w);
  out["a"] = numpy(point.student.a);
  out["loss"] = point.loss;
  out["index"] = point.index;
  out["eigenvalues"] = numpy(point.eigenvalues);
  return out;
}

nb::dict perturbed_copy(base::Index n, base::Index k, base::Index d, const std::string& activation) {
  const auto point =
      unlocked([&] { return students::perturbed_copy(n, k, d, students::parse_activation(activation)); });
  nb::dict out;
  out["alpha"] = point.alpha;
  out["beta"] = point.beta;
  out["gamma"] = point.gamma;
  out["a"] = point.a;
  out["loss"] = point.loss;
  out["index"] = point.index;
  out["lambda_min"] = point.lambda_min;
  return out;
}

nb::dict one_neuron(base::Index k, const std::string& activation) {
  const auto best = unlocked([&] { return students::one_neuron(k, students::parse_activation(activation)); });
  nb::dict out;
  out["r"] = best.r;
  out["a"] = best.a;
  out["loss"] = best.loss;
  out["finite"] = best.finite;
  return out;
}

nb::dict thresholds(base::Index k) {
  const auto found = unlocked([&] { return students::thresholds(k); });
  nb::dict out;
  out["pc_minimum_from"] = found.pc_minimum_from;
  out["pc_below_ca_from"] = found.pc_below_ca_from;
  out["ca_saddle_from"] = found.ca_saddle_from;
  return out;
}

}  // namespace

void bind_students(nb::module_& module) {
  module.def("students_loss", loss, "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a);
  module.def("students_gradient", gradient, "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a);
  module.def("students_hessian", hessian, "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a);
  module.def("students_copy_average", copy_average, "groups"_a, "d"_a, "activation"_a);
  module.def("students_perturbed_copy", perturbed_copy, "n"_a, "k"_a, "d"_a, "activation"_a);
  module.def("students_one_neuron", one_neuron, "k"_a, "activation"_a);
  module.def("students_thresholds", thresholds, "k"_a);
}

}  // namespace starling::python
