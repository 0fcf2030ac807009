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

using Biases = std::optional<Column>;
using Output = std::optional<double>;

Neurons neurons(const Table& w, const Column& a, const Biases& bias, const Output& output) {
  Neurons out{.w = points(w), .a = vector(a)};
  if (bias) out.bias = vector(*bias);
  out.output = output;
  return out;
}

// A student, its teacher and what is to be known of the two, as the functions of loss, gradient, ... take
// them.
struct Problem {
  Problem(const Table& w, const Column& a, const Table& v, const Column& b, const std::string& activation,
          const Biases& w_bias, const Biases& v_bias, const Output& c, const Output& c_teacher)
      : student(neurons(w, a, w_bias, c)),
        landscape(students::parse_activation(activation), neurons(v, b, v_bias, c_teacher)) {}
  Neurons student;
  students::Landscape landscape;
};

template <class Call>
auto with_problem(Call call) {
  return
      [call](const Table& w, const Column& a, const Table& v, const Column& b, const std::string& activation,
             const Biases& w_bias, const Biases& v_bias, const Output& c, const Output& c_teacher) {
        return unlocked([&] { return call(Problem(w, a, v, b, activation, w_bias, v_bias, c, c_teacher)); });
      };
}

double loss(const Problem& problem) {
  return problem.landscape.mean_squared_error(problem.student);
}

double quadrature_error(const Problem& problem) {
  return students::quadrature_error(problem.landscape, problem.student);
}

// (dw, da), with the derivatives in the biases and in the output bias behind them, None where the student has
// none.
nb::tuple gradient(const Table& w, const Column& a, const Table& v, const Column& b,
                   const std::string& activation, const Biases& w_bias, const Biases& v_bias, const Output& c,
                   const Output& c_teacher) {
  const Neurons out = with_problem([](const Problem& x) { return x.landscape.gradient(x.student); })(
      w, a, v, b, activation, w_bias, v_bias, c, c_teacher);
  const nb::object biases = out.biased() ? nb::cast(numpy(out.bias)) : nb::none();
  return nb::make_tuple(numpy(out.w), numpy(out.a), biases, out.output);
}

Array hessian(const Table& w, const Column& a, const Table& v, const Column& b, const std::string& activation,
              const Biases& w_bias, const Biases& v_bias, const Output& c, const Output& c_teacher,
              bool fixed) {
  const students::Outgoing weights = fixed ? students::Outgoing::fixed : students::Outgoing::free;
  return numpy(with_problem([&](const Problem& x) -> base::Points<double> {
    return students::Curvature(x.landscape, x.student).matrix(weights);
  })(w, a, v, b, activation, w_bias, v_bias, c, c_teacher));
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
  const auto point = unlocked(
      [&] { return students::perturbed_copy_numbers(n, k, d, students::parse_activation(activation)); });
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
  module.def("students_loss", with_problem(loss), "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a,
             "w_bias"_a.none(), "v_bias"_a.none(), "c"_a.none(), "c_teacher"_a.none());
  module.def("students_quadrature_error", with_problem(quadrature_error), "w"_a, "a"_a, "v"_a, "b"_a,
             "activation"_a, "w_bias"_a.none(), "v_bias"_a.none(), "c"_a.none(), "c_teacher"_a.none());
  module.def("students_gradient", gradient, "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a, "w_bias"_a.none(),
             "v_bias"_a.none(), "c"_a.none(), "c_teacher"_a.none());
  module.def("students_hessian", hessian, "w"_a, "a"_a, "v"_a, "b"_a, "activation"_a, "w_bias"_a.none(),
             "v_bias"_a.none(), "c"_a.none(), "c_teacher"_a.none(), "fixed"_a);
  module.def("students_copy_average", copy_average, "groups"_a, "d"_a, "activation"_a);
  module.def("students_perturbed_copy", perturbed_copy, "n"_a, "k"_a, "d"_a, "activation"_a);
  module.def("students_one_neuron", one_neuron, "k"_a, "activation"_a);
  module.def("students_thresholds", thresholds, "k"_a);
}

}  // namespace starling::python
