#include "starling/systems/students/landscape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
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

void require_all_finite(const base::Vector<double>& numbers, const std::string& name) {
  for (Index i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i])) continue;
    throw base::Error(base::ErrorKind::input,
                      fmt::format("{}: value at row {} is {}; expected finite numbers", name, i, numbers[i]));
  }
}

void require_biases(const Neurons& neurons, const std::string& incoming) {
  if (neurons.biased() && neurons.bias.size() != neurons.w.rows()) {
    throw base::Error(
        base::ErrorKind::input,
        fmt::format("{0} has {1} rows and its biases {2} entries; expected one entry for each row, or "
                    "no biases",
                    incoming, neurons.w.rows(), neurons.bias.size()));
  }
  require_all_finite(neurons.bias, "biases of " + incoming);
  if (neurons.output && !std::isfinite(*neurons.output)) {
    throw base::Error(
        base::ErrorKind::input,
        fmt::format("output bias with {}: value is {}; expected a finite number", incoming, *neurons.output));
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
  require_all_finite(neurons.a, outgoing);
  require_biases(neurons, incoming);
}

double bias_of(const Neurons& neurons, Index i) {
  return neurons.biased() ? neurons.bias[i] : 0;
}

std::vector<Expansion> expansions(Activation activation, const Neurons& neurons, const char* name) {
  std::vector<Expansion> out;
  if (has_closed_form(activation)) return out;
  for (Index i = 0; i < neurons.w.rows(); ++i) {
    try {
      out.emplace_back(activation, neurons.w.row(i).norm(), bias_of(neurons, i));
    } catch (const base::Error& error) {
      throw base::Error(error.kind(), fmt::format("{} row {}: {}", name, i, error.what()));
    }
  }
  return out;
}

// Neurons of one activation in a row, each pair of them averaged by the cheapest way there is.
class Pairs {
 public:
  Pairs(Activation activation, const std::vector<const Neurons*>& parts)
      : activation_(activation), biased_(false) {
    for (const Neurons* part : parts) biased_ = biased_ || part->biased();
    for (const Neurons* part : parts) {
      for (Index i = 0; i < part->w.rows(); ++i) neurons_.push_back({part, i, nullptr});
    }
  }
  // Those of the neurons from `first` on.
  void set_expansions(const std::vector<Expansion>& of, std::size_t first) {
    for (std::size_t i = 0; i < of.size(); ++i) neurons_[first + i].expansion = &of[i];
  }
  double error() const { return error_; }

  Kernel operator()(Index i, Index j) {
    const One &x = neurons_[static_cast<std::size_t>(i)], &y = neurons_[static_cast<std::size_t>(j)];
    const auto w = x.part->w.row(x.row), v = y.part->w.row(y.row);
    const Overlap pair = i == j ? self_overlap(w.squaredNorm()) : overlap(w, v);
    if (x.expansion != nullptr) return by_expansion(x, y, pair);
    if (!biased_) return kernel(activation_, pair);
    return kernel_from(biased_moments(activation_, pair, bias_of(*x.part, x.row), bias_of(*y.part, y.row)));
  }

 private:
  struct One {
    const Neurons* part;
    Index row;
    const Expansion* expansion;
  };

  Kernel by_expansion(const One& x, const One& y, const Overlap& pair) {
    try {
      const Averages found = x.expansion == y.expansion ? self_averages(*x.expansion)
                                                        : pair_averages(*x.expansion, *y.expansion, pair);
      error_ = std::max(error_, found.error);
      return kernel_from(found.moments);
    } catch (const base::Error& error) {
      throw base::Error(error.kind(), fmt::format("{} and {}: {}", name(x), name(y), error.what()));
    }
  }
  std::string name(const One& x) const {
    return fmt::format("{} row {}", x.part == neurons_.back().part ? "v" : "w", x.row);
  }

  Activation activation_;
  bool biased_;
  std::vector<One> neurons_;
  double error_ = 0;
};

// E[σ^(i)(h)] of a neuron; from its expansion where there are expansions.
MeanMoments means(Activation activation, const Neurons& neurons, const std::vector<Expansion>& of, Index i) {
  if (!of.empty()) return of[static_cast<std::size_t>(i)].means();
  return mean_moments(activation, neurons.w.row(i).squaredNorm(), bias_of(neurons, i));
}

// The kernel of a neuron with those means and the neuron σ = 1.
Kernel kernel_with_one(const MeanMoments& mean) {
  Moments column = Moments::Zero();
  column.col(0) = Eigen::Map<const Jet>(mean.data());
  return kernel_from(column);
}

void put(Couplings& out, Index i, Index j, const Kernel& k) {
  out.value(i, j) = k.value;
  out.d1(i, j) = k.d1;
  out.dc(i, j) = k.dc;
  out.d11(i, j) = k.d11;
  out.d12(i, j) = k.d12;
  out.d1c(i, j) = k.d1c;
  out.d2c(i, j) = k.d2c;
  out.dcc(i, j) = k.dcc;
  if (out.db.size() == 0) return;
  out.db(i, j) = k.db;
  out.d1b(i, j) = k.d1b;
  out.dcb(i, j) = k.dcb;
  out.d2b(i, j) = k.d2b;
}

}  // namespace

Landscape::Landscape(Activation activation, Neurons teacher)
    : activation_(activation), teacher_(std::move(teacher)), teacher_power_(0) {
  require_neurons(teacher_, "v", "b");
  teacher_expansions_ = expansions(activation_, teacher_, "v");
  Pairs pairs(activation_, {&teacher_});
  pairs.set_expansions(teacher_expansions_, 0);
  const Index k = teacher_.a.size();
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < k; ++j) teacher_power_ += teacher_.a[i] * teacher_.a[j] * pairs(i, j).value;
  }
  for (Index j = 0; j < k; ++j)
    teacher_mean_ += teacher_.a[j] * means(activation_, teacher_, teacher_expansions_, j)[0];
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
  const Index n = student.w.rows(), k = teacher_.w.rows();
  base::Points<double> all(n + k + (student.output || teacher_.output ? 1 : 0), dimension());
  all.topRows(n) = student.w;
  all.middleRows(n, k) = teacher_.w;
  if (all.rows() > n + k) all.row(n + k).setZero();
  return all;
}

base::Vector<double> Landscape::all_signed(const Neurons& student) const {
  const Index n = student.a.size(), k = teacher_.a.size();
  base::Vector<double> all(n + k + (student.output || teacher_.output ? 1 : 0));
  all.head(n) = student.a;
  all.segment(n, k) = -teacher_.a;
  if (all.size() > n + k) all[n + k] = student.output.value_or(0) - teacher_.output.value_or(0);
  return all;
}

Couplings Landscape::couplings(const Neurons& student) const {
  check(student);
  const Index n = student.w.rows(), neurons = n + teacher_.w.rows();
  const Index columns = neurons + (student.output || teacher_.output ? 1 : 0);
  Couplings out;
  for (auto* table : {&out.value, &out.d1, &out.dc, &out.d11, &out.d12, &out.d1c, &out.d2c, &out.dcc})
    table->resize(n, columns);
  if (student.biased()) {
    for (auto* table : {&out.db, &out.d1b, &out.dcb, &out.d2b}) table->resize(n, columns);
  }
  const std::vector<Expansion> own = expansions(activation_, student, "w");
  Pairs pairs(activation_, {&student, &teacher_});
  pairs.set_expansions(own, 0);
  pairs.set_expansions(teacher_expansions_, static_cast<std::size_t>(n));
  for (Index j = 0; j < neurons; ++j) {
    for (Index i = 0; i < n; ++i) put(out, i, j, pairs(i, j));
  }
  if (columns > neurons) {
    for (Index i = 0; i < n; ++i) put(out, i, neurons, kernel_with_one(means(activation_, student, own, i)));
  }
  out.error = pairs.error();
  return out;
}

double Landscape::mean_difference(const Neurons& student, const Couplings& couplings) const {
  return student.a.dot(couplings.value.col(couplings.value.cols() - 1).matrix()) - teacher_mean_;
}

double Landscape::mean_squared_error(const Neurons& student) const {
  const Couplings all = couplings(student);
  const Index n = student.a.size(), k = teacher_.a.size();
  const double own = student.a.dot(all.value.leftCols(n).matrix() * student.a);
  const double shared = student.a.dot(all.value.middleCols(n, k).matrix() * teacher_.a);
  const double loss = own - 2 * shared + teacher_power_;
  if (!student.output && !teacher_.output) return loss;
  const double apart = student.output.value_or(0) - teacher_.output.value_or(0);
  return loss + apart * (apart + 2 * mean_difference(student, all));
}

double quadrature_error(const Landscape& landscape, const Neurons& student) {
  return landscape.couplings(student).error;
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
  const base::Vector<double> weight = all_signed(student);
  out.a = 2 * (all.value.matrix() * weight);
  if (student.biased()) out.bias = 2 * student.a.cwiseProduct(all.db.matrix() * weight);
  if (student.output) out.output = 2 * (weight[weight.size() - 1] + mean_difference(student, all));
  return out;
}

}  // namespace starling::students
