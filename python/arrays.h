#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

#include "starling/base/matrix.h"

namespace starling::python {

namespace nb = nanobind;

/// What the Python half hands over: C-contiguous, on the CPU, borrowed for the call; float64 but where single
/// precision is asked for.
template <class T>
using TableOf = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Table = TableOf<double>;
using Column = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using ArrayOf = nb::ndarray<nb::numpy, T>;
using Array = ArrayOf<double>;

/// The array as a cloud, not copied.
template <class T>
Eigen::Map<const base::Points<T>> points(const TableOf<T>& table) {
  return {table.data(), static_cast<base::Index>(table.shape(0)), static_cast<base::Index>(table.shape(1))};
}

/// The numbers of a one-dimensional array, copied.
inline base::Vector<double> vector(const Column& numbers) {
  return Eigen::Map<const base::Vector<double>>(numbers.data(), static_cast<base::Index>(numbers.shape(0)));
}

/// A numpy array of that shape which owns a copy of `values`.
template <class T>
ArrayOf<T> numpy(const T* values, std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  auto copy = std::make_unique<T[]>(size);
  std::copy_n(values, size, copy.get());
  T* data = copy.get();
  const nb::capsule owner(copy.release(), [](void* memory) noexcept { delete[] static_cast<T*>(memory); });
  return ArrayOf<T>(data, shape, owner);
}

template <class T>
ArrayOf<T> numpy(const base::Points<T>& table) {
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
void bind_students(nb::module_& module);
void bind_census(nb::module_& module);
void bind_muon(nb::module_& module);
void bind_depth(nb::module_& module);
void bind_optim(nb::module_& module);
void bind_pinn(nb::module_& module);
void bind_run(nb::module_& module);

}  // namespace starling::python
