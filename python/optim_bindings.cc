#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <memory>
#include <string>

#include "arrays.h"
#include "starling/base/error.h"
#include "starling/optim/adamw.h"
#include "starling/optim/lion.h"
#include "starling/optim/muon.h"
#include "starling/optim/sgd.h"
#include "starling/optim/shampoo.h"

namespace starling::python {
namespace {

using namespace nb::literals;

template <class T>
using Numbers = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

// One tensor's optimiser, whichever it is.
template <class T>
class Stepper {
 public:
  virtual ~Stepper() = default;
  virtual void step(double rate, std::span<T> parameters, std::span<const T> gradient) = 0;
};

template <class T, class Optimizer>
class Whole : public Stepper<T> {
 public:
  explicit Whole(Optimizer optimizer) : optimizer_(std::move(optimizer)) {}
  void step(double rate, std::span<T> parameters, std::span<const T> gradient) override {
    optimizer_.step(rate, parameters, gradient);
  }

 private:
  Optimizer optimizer_;
};

template <class T, class Spec, class State, auto Step>
class Elementwise : public Stepper<T> {
 public:
  Elementwise(const Spec& spec, std::size_t size) : spec_(spec), state_(size) {}
  void step(double rate, std::span<T> parameters, std::span<const T> gradient) override {
    const Eigen::Map<const base::Vector<T>> g(gradient.data(), static_cast<base::Index>(gradient.size()));
    if (!g.allFinite())
      throw base::Error(base::ErrorKind::numerical, "the gradient has entries that are not finite");
    Step(spec_, rate, parameters, gradient, state_);
  }

 private:
  Spec spec_;
  State state_;
};

optim::MuonSpec muon_spec(const nb::dict& o) {
  const std::string variant = nb::cast<std::string>(o["variant"]);
  optim::MuonSpec spec = variant == "normuon"   ? optim::normuon()
                         : variant == "adamuon" ? optim::adamuon()
                         : variant == "scion"   ? optim::scion()
                                                : optim::MuonSpec{};
  spec.momentum = nb::cast<double>(o["momentum"]);
  spec.nesterov = nb::cast<bool>(o["nesterov"]);
  spec.convention = nb::cast<bool>(o["sum"]) ? optim::Momentum::sum : optim::Momentum::average;
  spec.map.method = optim::parse_orthogonalization(nb::cast<std::string>(o["method"]));
  spec.map.epsilon = nb::cast<double>(o["epsilon"]);
  spec.map.scale =
      nb::cast<bool>(o["relative"]) ? optim::EpsilonScale::relative : optim::EpsilonScale::absolute;
  spec.map.steps = nb::cast<int>(o["steps"]);
  spec.map.tolerance = nb::cast<double>(o["tolerance"]);
  spec.scale = optim::parse_shape_scale(nb::cast<std::string>(o["scale"]));
  spec.decay = nb::cast<double>(o["weight_decay"]);
  spec.second_decay = nb::cast<double>(o["second_decay"]);
  return spec;
}

template <class T>
std::unique_ptr<Stepper<T>> make(const std::string& kind, base::Index batch, base::Index rows,
                                 base::Index columns, const nb::dict& o) {
  const auto number = [&o](const char* name) { return nb::cast<double>(o[name]); };
  const auto size = static_cast<std::size_t>(batch * rows * columns);
  if (kind == "muon")
    return std::make_unique<Whole<T, optim::Muon<T>>>(optim::Muon<T>(muon_spec(o), rows, columns, batch));
  if (kind == "shampoo") {
    const optim::ShampooSpec spec{.momentum = number("momentum"),
                                  .second = number("second"),
                                  .epsilon = number("epsilon"),
                                  .decay = number("weight_decay"),
                                  .every = nb::cast<int>(o["every"])};
    return std::make_unique<Whole<T, optim::Shampoo<T>>>(optim::Shampoo<T>(spec, rows, columns));
  }
  if (kind == "soap") {
    const optim::SoapSpec spec{.beta1 = number("beta1"),
                               .beta2 = number("beta2"),
                               .epsilon = number("epsilon"),
                               .decay = number("weight_decay"),
                               .every = nb::cast<int>(o["every"])};
    return std::make_unique<Whole<T, optim::Soap<T>>>(optim::Soap<T>(spec, rows, columns));
  }
  if (kind == "lion") {
    const optim::LionSpec spec{
        .beta1 = number("beta1"), .beta2 = number("beta2"), .decay = number("weight_decay")};
    return std::make_unique<Elementwise<T, optim::LionSpec, optim::LionState<T>, &optim::lion_step<T>>>(spec,
                                                                                                        size);
  }
  if (kind == "sgd") {
    const optim::SgdSpec spec{.momentum = number("momentum"), .decay = number("weight_decay")};
    return std::make_unique<Elementwise<T, optim::SgdSpec, optim::SgdState<T>, &optim::sgd_step<T>>>(spec,
                                                                                                     size);
  }
  const optim::AdamWSpec spec{.beta1 = number("beta1"),
                              .beta2 = number("beta2"),
                              .epsilon = number("epsilon"),
                              .decay = number("weight_decay")};
  return std::make_unique<Elementwise<T, optim::AdamWSpec, optim::AdamWState<T>, &optim::adamw_step<T>>>(
      spec, size);
}

template <class T>
void bind_stepper(nb::module_& module, const char* name) {
  nb::class_<Stepper<T>>(module, name)
      .def(
          "step",
          [](Stepper<T>& stepper, double rate, const Numbers<T>& parameters,
             const Numbers<const T>& gradient) {
            const std::span<T> values(parameters.data(), parameters.size());
            const std::span<const T> slopes(gradient.data(), gradient.size());
            unlocked([&] {
              stepper.step(rate, values, slopes);
              return 0;
            });
          },
          "rate"_a, "parameters"_a.noconvert(), "gradient"_a);  // a converted copy would be stepped in vain
}

template <class T>
nb::tuple orthogonalize(const nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>& m,
                        const std::string& method, double epsilon, bool relative, int steps,
                        double tolerance) {
  const optim::OrthogonalizeSpec spec{
      .method = optim::parse_orthogonalization(method),
      .epsilon = epsilon,
      .scale = relative ? optim::EpsilonScale::relative : optim::EpsilonScale::absolute,
      .steps = steps,
      .tolerance = tolerance};
  auto numbers = std::make_unique_for_overwrite<T[]>(m.size());
  T* out = numbers.get();
  const double error = unlocked([&] {
    optim::Orthogonalizer<T> map(spec, static_cast<base::Index>(m.shape(1)),
                                 static_cast<base::Index>(m.shape(2)), static_cast<base::Index>(m.shape(0)));
    return map(m.data(), out);
  });
  const nb::capsule owner(numbers.release(), [](void* memory) noexcept { delete[] static_cast<T*>(memory); });
  return nb::make_tuple(ArrayOf<T>(out, {m.shape(0), m.shape(1), m.shape(2)}, owner), error);
}

}  // namespace

void bind_optim(nb::module_& module) {
  bind_stepper<float>(module, "StepperF32");
  bind_stepper<double>(module, "StepperF64");
  module.def("optimizer_f32", make<float>, "kind"_a, "batch"_a, "rows"_a, "columns"_a, "options"_a);
  module.def("optimizer_f64", make<double>, "kind"_a, "batch"_a, "rows"_a, "columns"_a, "options"_a);
  module.def("orthogonalize", orthogonalize<float>, "m"_a.noconvert(), "method"_a, "epsilon"_a, "relative"_a,
             "steps"_a, "tolerance"_a);
  module.def("orthogonalize", orthogonalize<double>, "m"_a.noconvert(), "method"_a, "epsilon"_a, "relative"_a,
             "steps"_a, "tolerance"_a);
}

}  // namespace starling::python
