#include "starling/systems/students/landscape.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "starling/base/error.h"

namespace starling::students {
namespace {

using base::Index;

void require_finite(const base::Points<double>& table, const char* name) {
  for (Index i = 0; i < table.rows(); ++i) {
    for (Index j = 0; j < table.cols(); ++j) {
      if (std::isfinite(table(i, j))) continue;
      throw base::Error(base::ErrorKind::input,
                        fmt::format("{}: value at row {}, column {} is {}; expected finite numbers", name, i,
                                    j, table(i, j)));
    }
  }
}

void require_neurons(const Neurons& neurons, const char* incoming, const char* outgoing) {
  if (neurons.w.rows() == 0 || neurons.w.cols() == 0) {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{}: shape ({}, {}); expected at least one neuron and one dimension",
                                  incoming, neurons.w.rows(), neurons.w.cols()));
  }
  if (neurons.a.size() != neurons.w.rows()) {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{} has {} rows and {} has {} entries; expected one entry for each row",
                                  incoming, neurons.w.rows(), outgoing, neurons.a.size()));
  }
  require_finite(neurons.w, incoming);
  for (Index i = 0; i < neurons.a.size(); ++i) {
    if (std::isfinite(neurons.a[i])) continue;
    throw base::Error(
        base::ErrorKind::input,
        fmt::format("{}: value at row {} is {}; expected finite numbers", outgoing, i, neurons.a[i]));
  }
}

double pair_value(Activation activation, const base::Points<double>& v, Index i, Index j) {
  const Overlap pair = i == j ? self_overlap(v.row(i).squaredNorm()) : overlap(v.row(i), v.row(j));
  return kernel(activation, pair).value;
}

double power(Activation activation, const Neurons& teacher) {
  double sum = 0;
  for (Index i = 0; i < teacher.w.rows(); ++i) {
    for (Index j = 0; j < teacher.w.rows(); ++j)
      sum += teacher.a[i] * teacher.a[j] * pair_value(activation, teacher.w, i, j);
  }
  return sum;
}

}  // namespace

Landscape::Landscape(Activation activation, Neurons teacher)
    : activation_(activation), teacher_(std::move(teacher)) {
  require_neurons(teacher_, "v", "b");
  teacher_power_ = power(activation_, teacher_);
}

void Landscape::check(const Neurons& student) const {
  require_neurons(student, "w", "a");
  if (student.w.cols() != dimension()) {
    throw base::Error(base::ErrorKind::input,
                      fmt::format("w has {} columns and v has {}; expected the same number of dimensions",
                                  student.w.cols(), dimension()));
  }
}

base::Points<double> Landscape::all_incoming(const Neurons& student) const {
  base::Points<double> all(student.w.rows() + teacher_.w.rows(), dimension());
  all << student.w, teacher_.w;
  return all;
}

base::Vector<double> Landscape::all_signed(const Neurons& student) const {
  base::Vector<double> all(student.a.size() + teacher_.a.size());
  all << student.a, -teacher_.a;
  return all;
}

Couplings Landscape::couplings(const Neurons& student) const {
  check(student);
  const base::Points<double> all = all_incoming(student);
  const Index n = student.w.rows(), columns = all.rows();
  Couplings out;
  for (auto* table : {&out.value, &out.d1, &out.dc, &out.d11, &out.d12, &out.d1c, &out.d2c, &out.dcc}) {
    table->resize(n, columns);
  }
  for (Index j = 0; j < columns; ++j) {
    for (Index i = 0; i < n; ++i) {
      const Overlap pair = i == j ? self_overlap(all.row(i).squaredNorm()) : overlap(all.row(i), all.row(j));
      const Kernel k = kernel(activation_, pair);
      out.value(i, j) = k.value;
      out.d1(i, j) = k.d1;
      out.dc(i, j) = k.dc;
      out.d11(i, j) = k.d11;
      out.d12(i, j) = k.d12;
      out.d1c(i, j) = k.d1c;
      out.d2c(i, j) = k.d2c;
      out.dcc(i, j) = k.dcc;
    }
  }
  return out;
}

double Landscape::mean_squared_error(const Neurons& student) const {
  const Eigen::ArrayXXd value = couplings(student).value;
  const Index n = student.a.size(), k = teacher_.a.size();
  const double own = student.a.dot(value.leftCols(n).matrix() * student.a);
  const double shared = student.a.dot(value.rightCols(k).matrix() * teacher_.a);
  return own - 2 * shared + teacher_power_;
}

base::Points<double> residual_forces(const Landscape& landscape, const Neurons& student,
                                     const Couplings& couplings) {
  const base::Vector<double> weight = landscape.all_signed(student);
  const base::Vector<double> radial = couplings.d1.matrix() * weight;
  base::Points<double> forces =
      (couplings.dc.matrix() * weight.asDiagonal()) * landscape.all_incoming(student);
  forces += (2 * radial).asDiagonal() * student.w;
  return forces;
}

Neurons Landscape::gradient(const Neurons& student) const {
  const Couplings all = couplings(student);
  Neurons out;
  out.w = (2 * student.a).asDiagonal() * residual_forces(*this, student, all);
  out.a = 2 * (all.value.matrix() * all_signed(student));
  return out;
}

}  // namespace starling::students
