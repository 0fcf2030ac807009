#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

#include "starling/base/matrix.h"

namespace starling::python {

namespace nb = nanobind;

/// What the Python half hands over: C-contiguous float64 on the CPU, borrowed for the call.
using Table = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Array = nb::ndarray<nb::numpy, double>;

/// The array as a cloud, not copied.
inline Eigen::Map<const base::Points<double>> points(const Table& table) {
  return {table.data(), static_cast<base::Index>(table.shape(0)), static_cast<base::Index>(table.shape(1))};
}

/// A numpy array of that shape which owns a copy of `values`.
inline Array numpy(const double* values, std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  auto copy = std::make_unique<double[]>(size);
  std::copy_n(values, size, copy.get());
  double* data = copy.get();
  const nb::capsule owner(copy.release(),
                          [](void* memory) noexcept { delete[] static_cast<double*>(memory); });
  return Array(data, shape, owner);
}

inline Array numpy(const base::Points<double>& table) {
  return numpy(table.data(),
               {static_cast<std::size_t>(table.rows()), static_cast<std::size_t>(table.cols())});
}
inline Array numpy(const base::Vector<double>& values) {
  return numpy(values.data(), {static_cast<std::size_t>(values.size())});
}

/// Runs without the interpreter's lock.
template <class Call>
auto unlocked(const Call& call) {
  const nb::gil_scoped_release release;
  return call();
}

void bind_metrics(nb::module_& module);
void bind_drift(nb::module_& module);
void bind_run(nb::module_& module);

}  // namespace starling::python
