#include "arrays.h"
#include "starling/base/error.h"
#include "starling/base/version.h"
#include "starling/simd/target.h"

namespace starling::python {
namespace {

PyObject* exception_type(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::usage:
    case base::ErrorKind::input:
      return PyExc_ValueError;
    case base::ErrorKind::numerical:
      return PyExc_ArithmeticError;
    case base::ErrorKind::interrupted:
      break;
  }
  return PyExc_KeyboardInterrupt;
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const base::Error& error) {
    PyErr_SetString(exception_type(error.kind()), error.what());
  }
}

}  // namespace
}  // namespace starling::python

NB_MODULE(_core, module) {
  using namespace starling;
  nanobind::register_exception_translator(python::translate);
  const std::string_view version = base::version();
  module.attr("__version__") = nanobind::str(version.data(), version.size());
  module.attr("vector_target") = nanobind::str(simd::target_name().c_str());
  python::bind_metrics(module);
  python::bind_drift(module);
  python::bind_students(module);
  python::bind_census(module);
  python::bind_muon(module);
  python::bind_depth(module);
  python::bind_optim(module);
  python::bind_pinn(module);
  python::bind_run(module);
}
